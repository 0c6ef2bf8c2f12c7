/** @file ONNX's numbers for element types (TensorProto.DataType). */
import type { DType } from '../../spec/tensor-type.js';

export const DATA_TYPE: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f64: 11 };
