import type { HubModel } from './model.ts';
import { tinyModel } from './tiny.ts';

/** `acme/m0001` and so on: as many files as a real model has, but hardly a byte of weights. */
export function manyModels(count: number): HubModel[] {
  return Array.from({ length: count }, (_, at) => tinyModel({ id: idOf(at), shardBytes: 128 }));
}

/** Catalog entries for the same; `changed` is the index of one that gets other arguments. */
export function manyEntries(count: number, changed: number | null = null): { id: string; short: string }[] {
  return Array.from({ length: count }, (_, at) => ({
    id: idOf(at),
    short: idOf(at).replace('acme/', ''),
    ...(at === changed ? { serve_args: ['--seed', '7'] } : {}),
  }));
}

function idOf(at: number): string {
  return `acme/m${String(at + 1).padStart(4, '0')}`;
}
