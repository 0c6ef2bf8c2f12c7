// onnxruntime-node checks tensor data with `instanceof`; Jest's sandbox has constructors of its own, so hand it the outer ones.
const { TestEnvironment } = require('jest-environment-node');

const shared = Object.getOwnPropertyNames(globalThis).filter((name) => /^(Shared)?ArrayBuffer$|^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(name));

module.exports = class OneRealmEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of shared) this.global[name] = globalThis[name];
  }
};
