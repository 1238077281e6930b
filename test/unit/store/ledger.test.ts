import { describe } from 'vitest';
import { ledgerBehaviour } from '../../support/store/ledger-behaviour.ts';
import { memoryStore } from '../../support/store/memory.ts';
import { runtimesBehaviour } from '../../support/store/runtimes-behaviour.ts';

describe('the ledger in an embedded database', () => {
  ledgerBehaviour(memoryStore);
  runtimesBehaviour(memoryStore);
});
