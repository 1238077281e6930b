/** The package ships no types. It throws on anything that is not an SPDX expression. */
declare module 'spdx-expression-parse' {
  export interface SpdxLicense {
    license: string;
    plus?: true;
    exception?: string;
  }
  export interface SpdxConjunction {
    left: SpdxExpression;
    conjunction: 'and' | 'or';
    right: SpdxExpression;
  }
  export type SpdxExpression = SpdxLicense | SpdxConjunction;
  export default function parse(source: string): SpdxExpression;
}
