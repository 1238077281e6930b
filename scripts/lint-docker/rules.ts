import { Add, Cmd, DockerfileParser, Entrypoint, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { type ShellPart, shellParts } from './shell-parts.ts';

export interface Finding {
  /** 1-based. */
  line: number;
  rule: string;
  message: string;
}

/** What the builder would refuse or warn of, and what makes images large, unpinned or hard to stop. In the order of lines. */
export function lintDockerfile(text: string): Finding[] {
  const syntax = validate(text).map(({ range, message }) => ({
    line: range.start.line + 1,
    rule: 'syntax',
    message: (typeof message === 'string' ? message : message.value).replace(/\.$/, ''),
  }));
  const dockerfile = DockerfileParser.parse(text);
  const instructions = dockerfile.getInstructions().flatMap(instructionFindings);
  const run = shellParts(text)
    .filter(({ of }) => of === 'run')
    .flatMap(commandFindings);
  return [...syntax, ...baseFindings(text), ...instructions, ...run].sort((a, b) => a.line - b.line);
}

/** A base is pinned as far as the file can: a stage, an argument, `scratch`, or a tag that is not `latest`. */
function baseFindings(text: string): Finding[] {
  const stages = new Set<string>(['scratch']);
  return DockerfileParser.parse(text)
    .getFROMs()
    .flatMap((from) => {
      const image = from.getImage() ?? '';
      const tag = from.getImageTag();
      const pinned = stages.has(image.toLowerCase()) || image.includes('$') || from.getImageDigest() !== null;
      const stage = from.getBuildStage();
      if (stage !== null) stages.add(stage.toLowerCase());
      if (pinned || (tag !== null && tag !== 'latest')) return [];
      return [found(from, 'pinned-base', `${image} names no tag that stays: give it one, or a digest`)];
    });
}

function instructionFindings(instruction: Instruction): Finding[] {
  const args = instruction.getArguments().map((argument) => argument.getValue());
  if ((instruction instanceof Entrypoint || instruction instanceof Cmd) && inShellForm(instruction)) {
    return [found(instruction, 'exec-form', 'a shell stands before the program and keeps its signals: use ["…"]')];
  }
  if (instruction instanceof Add && !/:\/\/|\$|^<<|\.tar|\.t[gx]z/.test(args[0] ?? '')) {
    return [found(instruction, 'copy-not-add', 'ADD is for addresses and archives: use COPY')];
  }
  return [];
}

const inShellForm = (instruction: JSONInstruction): boolean => instruction.getOpeningBracket() === null;

const COMMANDS: { rule: string; when: RegExp; unless?: RegExp; message: string }[] = [
  { rule: 'no-sudo', when: /\bsudo\s/, message: 'sudo in a build: use USER' },
  { rule: 'apt-get', when: /(^|[;&|]\s*)apt\s+(install|update)\b/m, message: 'apt is for people: use apt-get' },
  {
    rule: 'apt-recommends',
    when: /\bapt-get\b[^;&|\n]*\binstall\b/,
    unless: /--no-install-recommends/,
    message: 'apt-get install without --no-install-recommends',
  },
  {
    rule: 'apt-yes',
    when: /\bapt-get\b[^;&|\n]*\binstall\b/,
    unless: /\s(-[a-z]*y[a-z]*|--yes|--assume-yes)\b/,
    message: 'apt-get install without -y waits for an answer',
  },
  {
    rule: 'apt-lists',
    when: /\bapt-get\b[^;&|\n]*\bupdate\b/,
    unless: /\/var\/lib\/apt\/lists/,
    message: 'package lists stay in the layer: rm -rf /var/lib/apt/lists/*',
  },
  {
    rule: 'pip-cache',
    when: /\bpip[0-9.]*\s+install\b/,
    unless: /--no-cache-dir|PIP_NO_CACHE_DIR|--mount=type=cache/,
    message: 'pip keeps what it fetched in the layer: --no-cache-dir',
  },
  {
    rule: 'pipe-to-shell',
    when: /\b(curl|wget)\b[^;&\n]*\|\s*(ba|da)?sh\b/,
    message: 'what was fetched is run unseen: check its hash first',
  },
];

function commandFindings({ text, line }: ShellPart): Finding[] {
  const command = text.replace(/\\\n/g, '  ');
  return COMMANDS.filter(({ when, unless }) => when.test(command) && !(unless?.test(command) ?? false)).map(
    ({ rule, message }) => ({ line, rule, message }),
  );
}

const found = (instruction: Instruction, rule: string, message: string): Finding => ({
  line: instruction.getRange().start.line + 1,
  rule,
  message,
});
