import { describe, expect, it } from 'vitest';
import { imageConf, modelFolder, serveArgsFile } from '../../../src/image/entrypoint-files.ts';
import { imageInputs } from '../../support/image/inputs.ts';

describe('what the entrypoint reads', () => {
  it('is a line for each setting', () => {
    expect(imageConf(imageInputs(), 'abc')).toBe(
      `format=1\nvariant=slim\nengine=vllm\nid=acme/tiny\nshort=tiny\nrevision=${'a'.repeat(40)}\n` +
        'root=/models\nlist=abc\nhf_home=/root/.cache/huggingface\n',
    );
  });

  it('is a line for each serve argument', () => {
    expect(serveArgsFile(['--chat-template', '{{ a b }}', ''])).toBe('--chat-template\n{{ a b }}\n\n');
    expect(serveArgsFile([])).toBe('');
  });

  it('finds the model below the download root', () => {
    expect(modelFolder({ downloadRoot: '/models', short: 'tiny' })).toBe('/models/tiny');
    expect(modelFolder({ downloadRoot: '/', short: 'tiny' })).toBe('/tiny');
  });
});
