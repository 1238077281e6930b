export { artifactFor, attach, attachByTag } from './artifact.ts';
export { type BaseImage, type BaseImageOptions, pushBaseImage } from './base-image.ts';
export { type Distribution, findProgram, startDistribution } from './distribution.ts';
export type { Fault } from './faults.ts';
export { pushModelImage } from './model-image.ts';
export { describePublishTarget, pull } from './publish-behaviour.ts';
export { type RegistryOptions, type RegistryStandIn, type RequestRecord, startRegistry } from './server.ts';
export { RegistryStorage } from './storage.ts';
export { tarOf } from './tar.ts';
