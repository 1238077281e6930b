import type { Model, Settings } from '../catalog/types.ts';
import type { Ancestor, DeclaredLicense, ModelFacts } from '../huggingface/types.ts';
import { effectiveLicense, modelLicense, overriddenLicense } from '../licensing/effective-license.ts';
import { licensesIn } from '../licensing/expression.ts';
import { allLegalFiles } from '../licensing/legal-files.ts';
import { legalScope } from '../licensing/legal-scope.ts';
import { dutiesOf, type Standing, standingOf } from '../licensing/whitelist.ts';
import type { EffectiveLicense } from '../policy/types.ts';

/** A statement somebody made about a licence, and what it means. */
interface Statement extends EffectiveLicense {
  standing: Standing;
}

/** The chain of evidence behind a model's decision: what was read, what it means, what the catalog says to it. Plain data. */
export interface Evidence {
  model: { id: string; short: string; hubName: string };
  revision: string;
  license: {
    metadata: Statement;
    /** README.md at the same commit; null when it makes no statement. */
    readme: Statement | { unreadable: string } | null;
    permissive: Model['permissive'];
    override: string | null;
    whitelist: string[];
    effective: EffectiveLicense;
    /** What each licence of the effective expression asks of whoever passes the model on. */
    duties: { license: string; duties: string }[];
  };
  lineage: { id: string; path: string[]; revision: string | null; license: Statement | null; message: string | null }[];
  gating: { hub: ModelFacts['gated']; catalog: Model['gated'] };
  safety: { flagged: { path: string; status: string }[]; remoteCode: ModelFacts['remoteCode'] };
  chatTemplate: string[];
  legalFiles: string[];
  notChecked: string[];
  /** What was read on the Hub, in order. */
  sources: ModelFacts['sources'];
}

/** What was found out about a model, from the facts alone. */
export function evidenceOf(model: Model, facts: ModelFacts, { whitelist }: Settings): Evidence {
  const statement = (license: DeclaredLicense): Statement => judged(effectiveLicense(license), whitelist);
  const effective = overriddenLicense(modelLicense(facts), model.overrideSpdx);
  return {
    model: { id: model.id, short: model.short, hubName: facts.id },
    revision: facts.revision,
    license: {
      metadata: statement(facts.license),
      readme: readmeOf(facts, statement),
      permissive: model.permissive,
      override: model.overrideSpdx,
      whitelist: [...whitelist],
      effective,
      duties: licensesIn(effective.spdx ?? '').map((license) => ({ license, duties: dutiesOf(license) })),
    },
    lineage: facts.lineage.map((ancestor) => ancestorOf(ancestor, statement)),
    gating: { hub: facts.gated, catalog: model.gated },
    safety: {
      flagged: facts.files.flatMap(({ path, security }) =>
        security === null || security === 'safe' ? [] : [{ path, status: security }],
      ),
      remoteCode: facts.remoteCode,
    },
    chatTemplate: facts.chatTemplate,
    legalFiles: allLegalFiles(legalScope(facts, model.id, []).legal).map(({ path }) => path),
    notChecked: facts.notChecked,
    sources: facts.sources,
  };
}

function judged(license: EffectiveLicense, whitelist: readonly string[]): Statement {
  return { ...license, standing: standingOf(license, whitelist) };
}

function readmeOf({ card }: ModelFacts, statement: (license: DeclaredLicense) => Statement) {
  switch (card.kind) {
    case 'none':
      return null;
    case 'unreadable':
      return { unreadable: card.why };
    case 'stated':
      return statement(card.license);
  }
}

function ancestorOf({ id, path, answer }: Ancestor, statement: (license: DeclaredLicense) => Statement) {
  return answer.kind === 'read'
    ? { id, path, revision: answer.revision, license: statement(answer.license), message: null }
    : { id, path, revision: null, license: null, message: answer.message };
}

const STANDING: Record<Standing, string> = {
  permitted: 'satisfied by the whitelist',
  'not-permitted': 'not satisfied by the whitelist',
  family: 'a family of licences, without saying which member',
  unknown: 'says nothing certain',
  missing: 'no licence declared',
};

/** The evidence as lines for people. */
export function evidenceLines(evidence: Evidence): string[] {
  const { model, license, lineage, gating, safety } = evidence;
  const renamed = model.hubName === model.id ? '' : `, which the Hub now calls ${model.hubName}`;
  return [
    `${model.short}: ${model.id}${renamed}, at commit ${evidence.revision}`,
    'Licence',
    `    metadata: ${told(license.metadata)}`,
    `    README.md: ${readmeTold(license.readme)}`,
    `    catalog: permissive ${license.permissive}, override_spdx ${license.override ?? 'none'}`,
    `    whitelist: ${license.whitelist.join(', ') || 'empty'}`,
    `    effective: ${license.effective.spdx ?? 'none'}`,
    ...license.duties.map(({ license: id, duties }) => `    duties under ${id}: ${duties}`),
    'Lineage',
    ...(lineage.length === 0 ? ['    no base model declared'] : lineage.map(ancestorTold)),
    'Gating',
    `    Hub: ${gating.hub === false ? 'not gated' : gating.hub}; catalog: ${gating.catalog}`,
    'Safety',
    ...(safety.flagged.length === 0
      ? ['    no file with a verdict other than safe']
      : safety.flagged.map(({ path, status }) => `    ${path}: ${status}`)),
    ...safety.remoteCode.map(
      ({ file, repository }) => `    ${file}: code of ${repository ?? 'the model itself'} runs when it loads`,
    ),
    ...evidence.chatTemplate.map((sentence) => `    ${sentence}`),
    'Legal files',
    ...(evidence.legalFiles.length === 0
      ? ['    none upstream: the canonical text is supplied by the publisher']
      : evidence.legalFiles.map((path) => `    ${path}`)),
    ...evidence.notChecked.map((what) => `Not checked: ${what}`),
  ];
}

function told({ declared, spdx, class: group, standing }: Statement): string {
  return declared === null ? STANDING.missing : `${declared} = ${spdx} (${group}): ${STANDING[standing]}`;
}

function readmeTold(readme: Evidence['license']['readme']): string {
  if (readme === null) return 'makes no statement';
  return 'unreadable' in readme ? `cannot be understood: ${readme.unreadable}` : told(readme);
}

function ancestorTold({ path, license, message }: Evidence['lineage'][number]): string {
  return `    ${path.join(' → ')}: ${license === null ? `not known: ${message}` : told(license)}`;
}
