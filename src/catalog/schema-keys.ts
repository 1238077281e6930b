import { z } from 'zod';
import { catalogSchema } from './schema.ts';
import type { Path } from './tree.ts';

/** The keys that the format knows at a path; empty where it names none. */
export function keysAt(path: Path): string[] {
  return objectsAt(catalogSchema, path).flatMap((schema) => Object.keys(schema.shape));
}

function objectsAt(schema: unknown, path: Path): z.ZodObject[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return objectsAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => objectsAt(option, path));
  const [step, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    return step === undefined ? [schema] : objectsAt(schema.shape[String(step)], rest);
  }
  if (step !== undefined && schema instanceof z.ZodArray) return objectsAt(schema.element, rest);
  if (step !== undefined && schema instanceof z.ZodRecord) return objectsAt(schema.valueType, rest);
  return [];
}
