// tsc builds engine/, plugins/ and test/ into dist/; Jest runs that output as native ES modules.
export default {
  roots: ['<rootDir>/dist/test'],
  testMatch: ['**/*.test.js'],
  transform: {},
  testEnvironment: '<rootDir>/test/one-realm-environment.cjs',
  testTimeout: 60_000,
};
