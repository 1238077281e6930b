import type { ParseOptions } from '../catalog/parse.ts';
import { validateExpression } from './expression.ts';
import { whitelistProblem, whitelistWarning } from './whitelist.ts';

/** What the catalog's own grammar cannot judge: the same for whoever reads one. */
export const CATALOG_CHECKS: ParseOptions = {
  validSpdxExpression: validateExpression,
  validWhitelistEntry: whitelistProblem,
  whitelistWarning,
};
