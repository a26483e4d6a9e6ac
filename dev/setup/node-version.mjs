import { CannotGoOn } from './cannot-go-on.mjs';

// The first 20 that can require() an ES module, as package.json's engines say.
const OLDEST = [20, 19];

export function checkNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new CannotGoOn(`this is Node ${process.versions.node}; install Node ${OLDEST.join('.')} or newer`);
  }
  return process.versions.node;
}
