import { Copy, DockerfileParser, type Heredoc, type JSONInstruction, Run } from 'dockerfile-ast';

/** A piece of shell within a Dockerfile. */
export interface ShellPart {
  /** What runs it: the basename of its `#!` line, else `sh`. */
  shell: string;
  /** 1-based line of the Dockerfile that the first line of `text` stands on. */
  line: number;
  text: string;
  /** `RUN` as it is built; a script copied into the image runs later and with other variables. */
  of: 'run' | 'script';
}

/** The shell that a Dockerfile's `RUN` lines and here-documents hold. `RUN ["…"]` has none. */
export function shellParts(dockerfile: string): ShellPart[] {
  return DockerfileParser.parse(dockerfile)
    .getInstructions()
    .flatMap((instruction): ShellPart[] => {
      if (instruction instanceof Run) {
        const documents = instruction.getHeredocs();
        if (documents.length > 0) return documents.map((document) => heredocPart(document, dockerfile, 'run'));
        return instruction.getOpeningBracket() === null ? [linesOf(instruction, dockerfile)] : [];
      }
      if (!(instruction instanceof Copy)) return [];
      const scripts = instruction.getHeredocs().map((document) => heredocPart(document, dockerfile, 'script'));
      return scripts.filter(({ text }) => /^#!.*sh$/m.test(text.split('\n', 1)[0] ?? ''));
    });
}

function heredocPart(document: Heredoc, dockerfile: string, of: ShellPart['of']): ShellPart {
  const range = document.getContentRange();
  if (range === null) return { shell: 'sh', line: 1, text: '', of };
  const lines = dockerfile.split('\n').slice(range.start.line, range.end.line + 1);
  const shell = /^#!\s*\S*?(?:\/env\s+)?([a-z]*sh)\s*$/.exec(lines[0] ?? '')?.[1] ?? 'sh';
  return { shell, line: range.start.line + 1, text: `${lines.join('\n')}\n`, of };
}

/** The command of a `RUN` without its flags. Comments between continued lines are Docker's, not the shell's. */
function linesOf(instruction: JSONInstruction, dockerfile: string): ShellPart {
  const range = instruction.getRange();
  const flags = instruction.getFlags().map((flag) => flag.getRange().end);
  const from = flags.at(-1) ?? instruction.getInstructionRange().end;
  const lines = dockerfile.split('\n').slice(from.line, range.end.line + 1);
  const command = [(lines[0] ?? '').slice(from.character), ...lines.slice(1)];
  // An empty continued line keeps the numbers of lines as they are.
  const text = command.map((line, at) => (at > 0 && /^\s*#/.test(line) ? '\\' : line)).join('\n');
  return { shell: 'sh', line: from.line + 1, text: `${text}\n`, of: 'run' };
}
