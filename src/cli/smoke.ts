import { smokeImage } from '../build/smoke/run.ts';
import { createSmoker } from '../build/smoke/smoker.ts';
import type { SmokeResult } from '../build/smoke/types.ts';
import type { BuildRequest, BuiltImage } from '../build/types.ts';
import { find, run } from '../exec.ts';
import { smokeSentence } from '../report/smoke-words.ts';
import type { CommandContext } from './command.ts';
import type { Planning } from './plan-context.ts';

/** Where an image that was just built is: a name in the container engine, or only in a registry or an OCI layout. */
export type Whereabouts = 'registry' | 'layout' | { engine: string };

/** The smoke run of `build --smoke`, told as it ends. @throws PublisherError `cancelled` */
export async function smokeFrom(
  where: Whereabouts,
  request: BuildRequest,
  image: BuiltImage,
  planning: Planning,
  context: CommandContext,
): Promise<SmokeResult> {
  const result = await smokeIn(where, request, image, planning, context);
  context.output.say(`${request.inputs.variant}: ${smokeSentence(result)}`);
  return result;
}

async function smokeIn(
  where: Whereabouts,
  request: BuildRequest,
  image: BuiltImage,
  { services, owner }: Planning,
  { variables, signal }: CommandContext,
): Promise<SmokeResult> {
  if (where === 'registry') return createSmoker(services, variables)(request, image, owner, signal);
  if (where === 'layout') {
    return { status: 'not-run', reason: 'an OCI layout cannot be run; use --to local, or a registry' };
  }
  return smokeImage(
    { run, find, env: variables, redact: services.redact },
    {
      reference: where.engine,
      pull: false,
      // `docker load` takes one platform, the first.
      platforms: Object.keys(request.inputs.base).slice(0, 1),
      weights: image.bytes.weights,
      command: request.smoke,
      expected: request.inputs,
      dockerConfig: null,
      signal,
    },
  );
}
