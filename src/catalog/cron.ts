/** Cron expressions of five fields, as `crontab(5)` has them, in UTC. Pure. */

export interface Cron {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  /** 1 to 31. */
  days: ReadonlySet<number>;
  /** 1 to 12. */
  months: ReadonlySet<number>;
  /** 0 (Sunday) to 6. */
  weekdays: ReadonlySet<number>;
  /** `crontab(5)`: where days and weekdays are both restricted, one of them is enough. */
  either: boolean;
}

export type ParsedCron = { valid: true; cron: Cron } | { valid: false; message: string };

interface Field {
  name: string;
  first: number;
  last: number;
  /** Three-letter names, from `first` on. */
  names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS = [
  { name: 'minute', first: 0, last: 59 },
  { name: 'hour', first: 0, last: 23 },
  { name: 'day', first: 1, last: 31 },
  { name: 'month', first: 1, last: 12, names: MONTHS },
  // 7 is Sunday too.
  { name: 'weekday', first: 0, last: 7, names: WEEKDAYS },
] as const satisfies readonly Field[];

const DAY_MS = 24 * 60 * 60 * 1_000;
const MINUTE_MS = 60_000;
/** Days in which every possible date occurs: 29 February may be eight years away. */
const DAYS_BACK = 8 * 366 + 1;

/** `minute hour day month weekday`: `*`, numbers, `a-b`, `/step`, lists of these, English names of months and weekdays. */
export function parseCron(text: string): ParsedCron {
  const words = text.trim().split(/\s+/);
  if (words.length !== FIELDS.length) {
    return invalid(
      'a schedule has five fields, "minute hour day month weekday" in UTC, e.g. "0 3 * * *"; or it is "off"',
    );
  }
  const sets: Set<number>[] = [];
  for (const [at, field] of FIELDS.entries()) {
    const values = valuesOf(words[at] ?? '', field);
    if (typeof values === 'string') return invalid(values);
    sets.push(values);
  }
  const [minutes = NONE, hours = NONE, days = NONE, months = NONE, weekdays = NONE] = sets;
  if (weekdays.delete(7)) weekdays.add(0);
  const either = !words[2]?.startsWith('*') && !words[4]?.startsWith('*');
  const cron: Cron = { minutes, hours, days, months, weekdays, either };
  // 2000 to 2008 hold every date there is.
  if (lastDue(cron, Date.UTC(2008, 0, 1)) === null)
    return invalid(`no day is ever the ${words[2]} of month ${words[3]}`);
  return { valid: true, cron };
}

/** The latest time due at or before a moment; milliseconds since the epoch. null when there is none within eight years. */
export function lastDue(cron: Cron, now: number): number | null {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  for (let back = 0; back < DAYS_BACK; back++) {
    const day = today - back * DAY_MS;
    if (!isDay(cron, new Date(day))) continue;
    const minute = lastMinute(cron, back === 0 ? Math.floor((now - day) / MINUTE_MS) : 24 * 60 - 1);
    if (minute !== null) return day + minute * MINUTE_MS;
  }
  return null;
}

const NONE = new Set<number>();

function isDay({ days, months, weekdays, either }: Cron, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return either ? day || weekday : day && weekday;
}

/** The latest due minute of a day, up to `upTo`. */
function lastMinute({ minutes, hours }: Cron, upTo: number): number | null {
  for (let minute = upTo; minute >= 0; minute--) {
    if (hours.has(Math.floor(minute / 60)) && minutes.has(minute % 60)) return minute;
  }
  return null;
}

function valuesOf(word: string, field: Field): Set<number> | string {
  const values = new Set<number>();
  for (const part of word.split(',')) {
    const range = rangeOf(part, field);
    if (range === null) {
      return `"${word.slice(0, 40)}" is no ${field.name}: write *, numbers from ${field.first} to ${field.last}, ranges a-b, steps /n, or a list of these`;
    }
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return values;
}

function rangeOf(part: string, field: Field): { from: number; to: number; step: number } | null {
  const [, range = '', , stepText] = /^([^/]+)(\/(\d{1,2}))?$/.exec(part) ?? [];
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1) return null;
  if (range === '*') return { from: field.first, to: field.name === 'weekday' ? 6 : field.last, step };
  const [fromText = '', toText, ...more] = range.split('-');
  const from = numberOf(fromText, field);
  // `5/10` is from 5 on.
  const to = toText === undefined ? (stepText === undefined ? from : field.last) : numberOf(toText, field);
  if (from === null || to === null || from > to || more.length > 0) return null;
  return { from, to, step };
}

function numberOf(text: string, { first, last, names = [] }: Field): number | null {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return first + named;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return number >= first && number <= last ? number : null;
}

const invalid = (message: string): ParsedCron => ({ valid: false, message });
