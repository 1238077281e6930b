import type { PlannedTarget } from '../../plan/types.ts';
import { hexOf } from '../../registry/digest.ts';
import type { Digest } from '../../registry/types.ts';
import { type BasePackages, NOT_ENUMERATED } from './base-packages.ts';
import { OWN_URI } from './predicate-types.ts';
import { baseReference, fileAddress, gitoid, modelAddress, modelPurl, requestOf, toSecond } from './subject-model.ts';
import { uuidOf } from './uuid.ts';

const IMAGE = 'SPDXRef-Image';
const BASE = 'SPDXRef-Base';
const MODEL = 'SPDXRef-Model';

interface Relationship {
  spdxElementId: string;
  relationshipType: string;
  relatedSpdxElement: string;
}

/**
 * SPDX 2.3: the image, its base with its packages, and the model with its files. Files are packages of purpose FILE, since an SPDX file
 * must have a SHA-1, which the Hub does not list.
 */
export function spdxOf(target: PlannedTarget, index: Digest, base: BasePackages) {
  const request = requestOf(target);
  const { inputs, files } = request;
  const name = `hf-${inputs.short}-${inputs.variant}`;
  const spdx = target.license.spdx;
  const packages = base.kind === 'listed' ? base.packages : [];
  const lineage = target.lineage ?? [];
  const relate = (from: string, type: string, to: string): Relationship => ({
    spdxElementId: from,
    relationshipType: type,
    relatedSpdxElement: to,
  });
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `${OWN_URI}/spdx/${uuidOf(`spdx ${index} ${base.kind}`)}`,
    // Of the model, at its commit: the document follows from the image, not from when it was written.
    creationInfo: { created: toSecond(request.lastModified), creators: ['Tool: model-image-publisher'] },
    ...(base.kind === 'listed' ? {} : { comment: `${NOT_ENUMERATED}: ${base.why}` }),
    packages: [
      {
        ...bare(IMAGE, name, index, 'NOASSERTION'),
        primaryPackagePurpose: 'CONTAINER',
        checksums: [{ algorithm: 'SHA256', checksumValue: hexOf(index) }],
      },
      {
        ...bare(BASE, baseReference(request), request.base.digest, 'NOASSERTION'),
        primaryPackagePurpose: 'CONTAINER',
        checksums: [{ algorithm: 'SHA256', checksumValue: hexOf(request.base.digest) }],
      },
      {
        ...bare(MODEL, inputs.model, inputs.revision, modelAddress(request)),
        licenseDeclared: spdx ?? 'NOASSERTION',
        primaryPackagePurpose: 'OTHER',
        comment: 'machine-learning-model',
        externalRefs: [purlReference(modelPurl(request.hubId, inputs.revision))],
      },
      ...lineage.map(({ id, revision }, at) => ({
        ...bare(`SPDXRef-BaseModel-${at}`, id, revision, 'NOASSERTION'),
        primaryPackagePurpose: 'OTHER',
        comment: 'machine-learning-model',
        externalRefs: [purlReference(modelPurl(id, revision))],
      })),
      ...files.map((file, at) => {
        const id = gitoid(file);
        return {
          ...bare(`SPDXRef-File-${at}`, file.path, inputs.revision, fileAddress(request, file)),
          primaryPackagePurpose: 'FILE',
          ...(file.sha256 === null ? {} : { checksums: [{ algorithm: 'SHA256', checksumValue: file.sha256 }] }),
          ...(id === null
            ? {}
            : {
                externalRefs: [{ referenceCategory: 'PERSISTENT-ID', referenceType: 'gitoid', referenceLocator: id }],
              }),
        };
      }),
      ...packages.map(({ name: packageName, version, purl }, at) => ({
        ...bare(`SPDXRef-Package-${at}`, packageName, version, 'NOASSERTION'),
        ...(purl === null ? {} : { externalRefs: [purlReference(purl)] }),
      })),
    ],
    ...extracted(spdx),
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', IMAGE),
      relate(IMAGE, 'DESCENDANT_OF', BASE),
      // A slim image fetches the model when it first starts.
      inputs.variant === 'fat' ? relate(IMAGE, 'CONTAINS', MODEL) : relate(MODEL, 'RUNTIME_DEPENDENCY_OF', IMAGE),
      ...lineage.map((_, at) => relate(MODEL, 'DESCENDANT_OF', `SPDXRef-BaseModel-${at}`)),
      ...files.map((_, at) => relate(MODEL, 'CONTAINS', `SPDXRef-File-${at}`)),
      ...packages.map((_, at) => relate(BASE, 'CONTAINS', `SPDXRef-Package-${at}`)),
    ],
  };
}

function bare(id: string, name: string, version: string | null, downloadLocation: string) {
  return {
    SPDXID: id,
    name,
    ...(version === null || version === '' ? {} : { versionInfo: version }),
    downloadLocation,
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
  };
}

const purlReference = (purl: string) => ({
  referenceCategory: 'PACKAGE-MANAGER',
  referenceType: 'purl',
  referenceLocator: purl,
});

/** A `LicenseRef-` has to be explained in the document that uses it (SPDX 2.3, clause 10). */
function extracted(spdx: string | null) {
  const own = [...new Set(spdx?.match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? [])];
  if (own.length === 0) return {};
  return {
    hasExtractedLicensingInfos: own.map((licenseId) => ({
      licenseId,
      name: licenseId.slice('LicenseRef-'.length),
      extractedText: 'The text is in /licenses/model of the image, or named in /licenses/manifest.json.',
    })),
  };
}
