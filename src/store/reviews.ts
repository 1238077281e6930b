import { and, desc, eq, isNotNull, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Database } from './database.ts';
import { reviews } from './schema.ts';

/** `superseded`: a newer head of the pull request is reviewed instead. `closed`: merged or closed before it ended. */
const states = z.enum(['queued', 'planned', 'building', 'concluded', 'superseded', 'closed']);
export type ReviewState = z.infer<typeof states>;

/** One head commit of one pull request. */
export interface ReviewKey {
  /** GitHub's number: names change, this does not. */
  repoId: number;
  pr: number;
  headSha: string;
}

export interface ReviewFacts extends ReviewKey {
  installationId: number;
  owner: string;
  repo: string;
  baseRef: string;
  baseSha: string;
  /** Whether the head lies in another repository. */
  fork: boolean;
}

export interface Review<Plan> extends ReviewFacts {
  id: number;
  state: ReviewState;
  /** What the pull request pinned; null until planned. */
  plan: Plan | null;
  createdAt: Date;
  updatedAt: Date;
  /** When it became known that this head was merged; null while it is not. */
  mergedAt: Date | null;
}

export type Reviews<Plan> = ReturnType<typeof reviewsOf<Plan>>;

/** The reviews of the ledger, with their plans of the given shape. */
export function reviewsOf<Plan>(plan: z.ZodType<Plan>) {
  const parse = (row: typeof reviews.$inferSelect): Review<Plan> => ({
    ...row,
    state: states.parse(row.state),
    plan: row.plan === null ? null : plan.parse(row.plan),
  });

  return {
    /** Finds or begins the review of a head, with the facts as GitHub gives them now; state and plan are kept. */
    async beginReview(db: Database, facts: ReviewFacts): Promise<Review<Plan>> {
      const rows = await db
        .insert(reviews)
        .values({ ...facts, state: 'queued' })
        .onConflictDoUpdate({
          target: [reviews.repoId, reviews.pr, reviews.headSha],
          set: { ...facts, updatedAt: sql`now()` },
        })
        .returning();
      return parse(only(rows));
    },

    /** Replaces the plan, with the state that follows from it. */
    async setReviewPlan(db: Database, id: number, value: Plan, state: ReviewState): Promise<void> {
      await db.update(reviews).set({ plan: value, state, updatedAt: sql`now()` }).where(eq(reviews.id, id));
    },

    async findReview(db: Database, key: ReviewKey): Promise<Review<Plan> | null> {
      const [row] = await db
        .select()
        .from(reviews)
        .where(and(ofPull(key), eq(reviews.headSha, key.headSha)));
      return row === undefined ? null : parse(row);
    },

    /** Every review of a pull request, the newest head first. */
    async reviewsOfPull(db: Database, pull: { repoId: number; pr: number }): Promise<Review<Plan>[]> {
      const rows = await db.select().from(reviews).where(ofPull(pull)).orderBy(desc(reviews.id));
      return rows.map(parse);
    },

    /** Every review of a repository in a state, e.g. those to be planned again when the default branch moves. */
    async reviewsInState(db: Database, repoId: number, state: ReviewState): Promise<Review<Plan>[]> {
      const rows = await db
        .select()
        .from(reviews)
        .where(and(eq(reviews.repoId, repoId), eq(reviews.state, state)))
        .orderBy(desc(reviews.id));
      return rows.map(parse);
    },

    /** Heads that were merged, the one merged last first. */
    async mergedReviews(db: Database, repoId: number, limit: number): Promise<Review<Plan>[]> {
      const rows = await db
        .select()
        .from(reviews)
        .where(and(eq(reviews.repoId, repoId), isNotNull(reviews.mergedAt)))
        .orderBy(desc(reviews.mergedAt), desc(reviews.id))
        .limit(limit);
      return rows.map(parse);
    },
  };
}

/** This head was merged: what it resolved is what its models are published with. */
export async function setReviewMerged(db: Database, id: number): Promise<void> {
  await db
    .update(reviews)
    .set({ mergedAt: sql`coalesce(${reviews.mergedAt}, now())` })
    .where(eq(reviews.id, id));
}

export async function setReviewState(db: Database, id: number, state: ReviewState): Promise<void> {
  await db.update(reviews).set({ state, updatedAt: sql`now()` }).where(eq(reviews.id, id));
}

const ofPull = ({ repoId, pr }: { repoId: number; pr: number }) => and(eq(reviews.repoId, repoId), eq(reviews.pr, pr));

function only<T>(rows: T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('an insert that returns its row returned none');
  return row;
}
