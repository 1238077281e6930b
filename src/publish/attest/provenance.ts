import type { PlannedTarget } from '../../plan/types.ts';
import { hexOf } from '../../registry/digest.ts';
import type { CatalogSource } from '../types.ts';
import { OWN_URI } from './predicate-types.ts';
import { baseReference, fileAddress, requestOf } from './subject-model.ts';

/** What the parameters below mean, for whoever compares builds. */
export const BUILD_TYPE = `${OWN_URI}/build/v1`;
export const BUILDER_ID = `${OWN_URI}/builder`;

/** SLSA v1.0 `ResourceDescriptor`, as far as it is used. */
interface Dependency {
  name: string;
  uri?: string;
  digest: Record<string, string>;
}

/**
 * SLSA v1.0 provenance: what was asked for and from where, what the image was made of, and by what. No time is in it, so that the same
 * build is stated in the same words.
 *
 * @param version of this program
 */
export function provenanceOf(target: PlannedTarget, source: CatalogSource, version: string) {
  const request = requestOf(target);
  const { inputs, files, key } = request;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: {
        catalog: { repository: source.repository, commit: source.commit, path: source.path },
        model: target.model.id,
        short: target.model.short,
        runtime: target.runtime,
        variant: target.variant,
      },
      internalParameters: {
        inputs: key,
        revision: inputs.revision,
        engine: inputs.engine,
        platforms: inputs.base,
        builder: inputs.builder,
        format: inputs.format,
        decision: inputs.codes,
      },
      resolvedDependencies: [
        { name: 'base', uri: `oci://${baseReference(request)}`, digest: { sha256: hexOf(request.base.digest) } },
        ...catalogOf(source),
        ...files.map(
          (file): Dependency => ({
            name: file.path,
            uri: fileAddress(request, file),
            digest: file.sha256 === null ? { gitBlob: file.oid } : { sha256: file.sha256 },
          }),
        ),
      ],
    },
    runDetails: { builder: { id: BUILDER_ID, version: { 'model-image-publisher': version } } },
  };
}

function catalogOf({ repository, commit }: CatalogSource): Dependency[] {
  if (commit === null) return [];
  const uri = repository === null ? {} : { uri: `git+${repository}@${commit}` };
  return [{ name: 'catalog', ...uri, digest: { gitCommit: commit } }];
}
