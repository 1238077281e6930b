import type { HubFile } from '../../huggingface/types.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { hexOf } from '../../registry/digest.ts';
import type { Digest } from '../../registry/types.ts';
import { type BasePackages, NOT_ENUMERATED } from './base-packages.ts';
import { baseReference, fileAddress, gitoid, modelAddress, modelPurl, requestOf, toSecond } from './subject-model.ts';
import { uuidOf } from './uuid.ts';

const IMAGE = 'image';
const BASE = 'base';
const MODEL = 'model';

/** CycloneDX 1.6: the image, its base with its packages, and the model as `machine-learning-model` with its files and ancestors. */
export function cyclonedxOf(target: PlannedTarget, index: Digest, base: BasePackages) {
  const request = requestOf(target);
  const { inputs, files } = request;
  const { spdx } = target.license;
  const lineage = target.lineage ?? [];
  const packages = base.kind === 'listed' ? base.packages : [];
  const sha256 = (digest: Digest) => [{ alg: 'SHA-256', content: hexOf(digest) }];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`cyclonedx ${index} ${base.kind}`)}`,
    version: 1,
    metadata: {
      timestamp: toSecond(request.lastModified),
      tools: { components: [{ type: 'application', name: 'model-image-publisher' }] },
      component: {
        type: 'container',
        'bom-ref': IMAGE,
        name: `hf-${inputs.short}-${inputs.variant}`,
        version: index,
        hashes: sha256(index),
      },
      ...(base.kind === 'listed' ? {} : { properties: [{ name: NOT_ENUMERATED, value: base.why }] }),
    },
    components: [
      {
        type: 'machine-learning-model',
        'bom-ref': MODEL,
        name: inputs.model,
        version: inputs.revision,
        purl: modelPurl(request.hubId, inputs.revision),
        ...(spdx === null ? {} : { licenses: [{ expression: spdx }] }),
        externalReferences: [{ type: 'distribution', url: modelAddress(request) }],
        ...(lineage.length === 0
          ? {}
          : {
              pedigree: {
                ancestors: lineage.map(({ id, revision }) => ({
                  type: 'machine-learning-model',
                  name: id,
                  ...(revision === null ? {} : { version: revision }),
                  purl: modelPurl(id, revision),
                })),
              },
            }),
        components: files.map((file) => fileComponent(file, fileAddress(request, file))),
      },
      { type: 'container', 'bom-ref': BASE, name: baseReference(request), hashes: sha256(request.base.digest) },
      ...packages.map(({ name, version, purl }, at) => ({
        type: 'library',
        'bom-ref': `package-${at}`,
        name,
        ...(version === '' ? {} : { version }),
        ...(purl === null ? {} : { purl }),
      })),
    ],
    dependencies: [
      { ref: IMAGE, dependsOn: [BASE, MODEL] },
      { ref: BASE, dependsOn: packages.map((_, at) => `package-${at}`) },
    ],
    compositions: [
      { aggregate: 'complete', assemblies: [MODEL] },
      { aggregate: base.kind === 'listed' ? 'incomplete' : 'unknown', assemblies: [BASE] },
    ],
  };
}

function fileComponent(file: HubFile, url: string) {
  const id = gitoid(file);
  return {
    type: 'file',
    'bom-ref': `file:${file.path}`,
    name: file.path,
    ...(file.sha256 === null ? {} : { hashes: [{ alg: 'SHA-256', content: file.sha256 }] }),
    ...(id === null ? {} : { omniborId: [id] }),
    externalReferences: [{ type: 'distribution', url }],
  };
}
