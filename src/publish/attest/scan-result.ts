import type { ScanResult } from '../../scan/types.ts';
import { OWN_URI } from './predicate-types.ts';

/**
 * cosign's vulnerability scan record, which stock tools know. Without a scan it says so, in the scanner's place.
 *
 * @param at RFC 3339, when this is stated: the record's form wants a time, and the scan's own is not kept
 */
export function scanRecordOf(scan: ScanResult | null, at: string) {
  const builder = { id: `${OWN_URI}/builder` };
  return {
    invocation: { parameters: null, uri: '', event_id: '', 'builder.id': builder.id },
    scanner: scan?.status === 'scanned' ? scanned(scan) : notScanned(scan?.reason ?? 'nobody scanned it'),
    metadata: { scanStartedOn: at, scanFinishedOn: at },
  };
}

function scanned({ reference, summary, findings, database }: Extract<ScanResult, { status: 'scanned' }>) {
  return {
    uri: 'https://trivy.dev',
    version: '',
    db: { uri: '', version: String(database.version ?? ''), lastUpdate: database.updatedAt },
    // What was looked at: the slim image stands for both variants, which have the same packages.
    result: { status: 'scanned', reference, summary, findings },
  };
}

function notScanned(reason: string) {
  return { uri: '', version: '', db: { uri: '', version: '' }, result: { status: 'not-scanned', reason } };
}
