/**
 * @file Completes package-lock.json for every platform. A registry that mirrors only one platform's optional packages makes npm
 * write a lock that `npm ci` refuses ("Missing: … from lock file"). Each absent optional package gets an entry with its version and
 * platform, so that `npm ci` skips it elsewhere and fetches it where it belongs. Run it after every change of the lock.
 *
 *   node .ci/complete-lock.mjs          writes the entries
 *   node .ci/complete-lock.mjs --check  exits 1 if an entry is absent, or an address names a registry
 */
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** The platform that a package's name speaks of: `@biomejs/cli-linux-x64-musl`. */
function platform(name) {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : os === 'linux' && words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return { ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }) };
}

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const absent = {};
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const { os, cpu, libc } = platform(name);
    const key = `node_modules/${name}`;
    if (lock.packages[key] || !cpu || !/^\d/.test(version)) continue;
    absent[key] = { version, cpu, ...(entry.dev && { dev: true }), ...(libc && { libc }), optional: true, ...(os && { os }) };
  }
}
const addressed = Object.entries(lock.packages).filter(([, entry]) => entry.resolved);

if (process.argv.includes('--check')) {
  for (const key of Object.keys(absent)) console.error(`package-lock.json: ${key} is absent: run node .ci/complete-lock.mjs`);
  for (const [key] of addressed) console.error(`package-lock.json: ${key} names a registry: run node .ci/complete-lock.mjs`);
  process.exitCode = Object.keys(absent).length + addressed.length ? 1 : 0;
} else {
  for (const [, entry] of addressed) delete entry.resolved;
  lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...absent }).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`added ${Object.keys(absent).length} entries, dropped ${addressed.length} addresses`);
}
