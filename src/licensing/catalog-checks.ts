import type { ParseOptions } from '../catalog/parse.ts';
import { validateExpression, validateWhitelistEntry } from './expression.ts';

/** What the catalog's own grammar cannot judge: the same for whoever reads one. */
export const CATALOG_CHECKS: ParseOptions = {
  validSpdxExpression: validateExpression,
  validWhitelistEntry: validateWhitelistEntry,
};
