import { expect, it } from 'vitest';
import { createRedactor } from '../../../src/http/redact.ts';
import { redactingLogger } from '../../../src/http/redacting-logger.ts';

it('shows no secret in messages, fields, errors nor what caused them', () => {
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(JSON.stringify([fields, message]));
  const inner = { debug: write, info: write, warn: write, error: write };
  const logger = redactingLogger(inner, createRedactor(['s3cret "word"']));
  const error = new Error('with s3cret "word"', { cause: new Error('because of s3cret "word"') });
  logger.warn({ error, deep: { list: ['s3cret "word"'] }, bytes: 5n }, 'said s3cret "word"');
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('s3cret');
  expect(lines[0]).toContain('with [redacted]');
  expect(lines[0]).toContain('because of [redacted]');
  expect(lines[0]).toContain('"bytes":"5"');
});
