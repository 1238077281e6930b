import { CATALOG_FLAG, type Command } from '../command.ts';
import { loadCatalog } from '../load-catalog.ts';

/** `{valid, problems:[{path,message,line,column}]}`; 0 valid, 1 invalid. */
export const validate: Command = {
  name: 'validate',
  summary: 'check the catalog; asks nobody',
  positionals: [],
  flags: CATALOG_FLAG,
  async run({ arguments: given, output }) {
    const path = given.text('catalog') ?? 'models.yaml';
    const result = await loadCatalog(path);
    const problems = result.valid ? [] : result.problems;
    const warnings = result.valid ? result.warnings : [];
    const lines = [...problems, ...warnings].map(
      ({ line, column, message }) => `${path}:${line}:${column}: ${message}`,
    );
    output.result({ valid: result.valid, problems, warnings }, [
      ...lines,
      result.valid ? `${path} is valid.` : `${path} is not valid.`,
    ]);
    return result.valid ? 0 : 1;
  },
};
