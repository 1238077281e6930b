import { z } from 'zod';

/** Trivy leaves out what is empty; only what identifies a finding must be there. */
const optionalText = z.string().nullish();

const vulnerability = z.object({
  VulnerabilityID: z.string(),
  PkgName: z.string(),
  PkgPath: optionalText,
  InstalledVersion: optionalText,
  FixedVersion: optionalText,
  Severity: optionalText,
  PrimaryURL: optionalText,
  Title: optionalText,
});
export type ReportedVulnerability = z.infer<typeof vulnerability>;

/** Those parts of `trivy image --format json` (schema version 2) that are used. */
export const reportSchema = z.object({
  SchemaVersion: z.literal(2, { error: 'only schema version 2 is known' }),
  Results: z
    .array(
      z.object({
        // May hold a path inside the image for packages of a language whose own path is not given.
        Target: optionalText,
        Class: optionalText,
        Type: optionalText,
        Vulnerabilities: z.array(vulnerability).nullish(),
      }),
    )
    .nullish(),
});
export type Report = z.infer<typeof reportSchema>;

/** Those parts of `trivy version --format json` that are used. */
export const versionSchema = z.object({
  Version: z.string(),
  VulnerabilityDB: z.object({ Version: z.number().nullish(), UpdatedAt: z.string().nullish() }).nullish(),
});
export type TrivyVersion = z.infer<typeof versionSchema>;
