import { type Checks, checkDistinct, checkPublish, checkRegistry, spdxProblem } from './checks.ts';
import { parseCron } from './cron.ts';
import { parseTemplate, tellsVariantsApart } from './tag-template.ts';
import { child, entryOf, items, type Tree, textOf } from './tree.ts';

export function checkDefaults(defaults: Tree | null, checks: Checks): void {
  const arch = entryOf(defaults, 'arch');
  const platforms = child(defaults, 'platforms');
  if (arch !== null && platforms !== null) {
    checks.report(arch.keyStart, ['defaults', 'arch'], '`arch` and `platforms` say the same thing; keep one of them');
  }
  checkDistinct(platforms, ['defaults', 'platforms'], checks);
  const project = child(defaults, 'project');
  if (project !== null && textOf(project)?.startsWith('hf-')) {
    checks.report(project.start, ['defaults', 'project'], 'begins with `hf-`, as only images of models do');
  }
  checkPublish(child(defaults, 'publish'), ['defaults', 'publish'], checks);
  checkMirrors(child(defaults, 'mirrors'), checks);
  checkSchedule(child(defaults, 'schedule'), checks);
  checkTags(child(defaults, 'tags'), checks);
  items(child(defaults, 'spdx_permissive_whitelist')).forEach((license, index) => {
    const wrong = spdxProblem(license, checks.spdx.whitelistEntry);
    const path = ['defaults', 'spdx_permissive_whitelist', index];
    const worth = spdxProblem(license, checks.spdx.whitelistWarning);
    if (wrong !== null) checks.report(license.start, path, wrong);
    else if (worth !== null) checks.warn(license.start, path, worth);
  });
}

function checkMirrors(mirrors: Tree | null, checks: Checks): void {
  checkDistinct(mirrors, ['defaults', 'mirrors'], checks);
  items(mirrors).forEach((mirror, index) => {
    checkRegistry(textOf(mirror), mirror.start, ['defaults', 'mirrors', index], checks);
  });
}

function checkSchedule(schedule: Tree | null, checks: Checks): void {
  const text = textOf(schedule)?.trim() ?? '';
  if (schedule === null || text === '' || text === 'off') return;
  const parsed = parseCron(text);
  if (!parsed.valid) checks.report(schedule.start, ['defaults', 'schedule'], parsed.message);
}

function checkTags(tags: Tree | null, checks: Checks): void {
  items(tags).forEach((tag, index) => {
    const template = textOf(tag) ?? textOf(child(tag, 'template'));
    const parsed = template === null ? null : parseTemplate(template);
    if (parsed?.valid !== true || tellsVariantsApart(parsed.parts)) return;
    const message = 'without {variant}, slim and fat would share this tag, and a model that has both fails';
    checks.warn(tag.start, ['defaults', 'tags', index], message);
  });
}
