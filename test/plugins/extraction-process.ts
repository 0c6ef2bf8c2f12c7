/** @file A process that extracts slowly, to be killed: `node extraction-process.js MODEL CACHE ROWS DELAY`. */
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { onnx } from '../../plugins/extractors/onnx.js';
import { AllSettings } from '../../plugins/extractors/settings.js';
import { heard, smallDataset } from './extraction.js';

const [model = '', cache = '', rows = '', delay = ''] = process.argv.slice(2);
const { services } = heard(await createWorkerHost({ threads: 1 }), cache);
await onnx.features(services, AllSettings.parse({ model, batch: 4 }), smallDataset(Number(rows), [3, 8, 8], { delay: Number(delay) }));
await services.host.close();
