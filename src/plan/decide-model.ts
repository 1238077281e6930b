import type { ReshardRequest } from '../build/reshard.ts';
import { asPublisherError } from '../errors.ts';
import type { FactsResult, HubFile } from '../huggingface/types.ts';
import { NOTHING_TO_SPLIT, oversized, type Resharding } from '../image/safetensors/reshard.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, PolicyInput, Reshard } from '../policy/types.ts';

/** How a model's files above the layer limit would be split. Throws the Hub's codes. */
export type AskReshard = (request: ReshardRequest) => Promise<Resharding>;

export interface Decided {
  /** As given; `unavailable` when the Hub did not answer what had to be asked in addition. */
  facts: FactsResult;
  decision: Decision;
  resharding: Resharding;
}

/**
 * The decision, with headers of files above the layer limit read where they could still make a difference: not for a model that stays
 * slim anyway, least of all for a gated one.
 *
 * @throws PublisherError `cancelled`
 */
export async function decideModel(
  input: Omit<PolicyInput, 'reshard'>,
  chosen: HubFile[],
  folder: string,
  ask: AskReshard,
): Promise<Decided> {
  const layerMaxBytes = input.limits.layerMaxBytes;
  const over = oversized(chosen, folder, layerMaxBytes);
  const possible = new Map(over.map(({ path }): [string, Reshard] => [path, { kind: 'possible' }]));
  const first = decide({ ...input, reshard: possible });
  if (over.length === 0 || first.fat !== 'build') {
    return { facts: input.facts, decision: first, resharding: NOTHING_TO_SPLIT };
  }
  try {
    const request = { files: chosen, folder, layerMaxBytes, engine: input.engine, spdx: first.license.spdx };
    const resharding = await ask(request);
    const decision = decide({ ...input, reshard: resharding.ok ? possible : refusals(resharding.refused) });
    return { facts: input.facts, decision, resharding };
  } catch (thrown) {
    const { code, message } = asPublisherError(thrown, 'hub-unavailable');
    if (code === 'cancelled') throw thrown;
    const facts: FactsResult = { kind: 'unavailable', message };
    const decision = decide({ ...input, facts, choice: null, reshard: new Map() });
    return { facts, decision, resharding: NOTHING_TO_SPLIT };
  }
}

function refusals(refused: ReadonlyMap<string, string>): ReadonlyMap<string, Reshard> {
  return new Map([...refused].map(([path, why]): [string, Reshard] => [path, { kind: 'refused', why }]));
}
