import { expect, it } from 'vitest';
import { parseCommand } from '../../../src/commands/grammar.ts';
import { misunderstood } from '../../../src/commands/run-comment.ts';

const replyTo = (comment: string) => {
  const command = parseCommand(comment);
  return command.kind === 'malformed' ? misunderstood(command.message) : command.kind;
};

it('a reply to what was not understood repeats the comment as text, and shows how it is written', () => {
  expect(replyTo('/release @acme/everybody<img/src=x>')).toMatch(/not understand.*@\u200Bacme\/everybody&lt;img/);
  expect(replyTo('/release')).toContain('`/release <tag>');
});
