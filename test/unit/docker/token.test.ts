import { describe, expect, test } from 'vitest';
import { MODEL } from '../../support/entrypoint/model.ts';
import { Stage, shells } from '../../support/entrypoint/stage.ts';

const CONDITIONS = `https://huggingface.co/${MODEL}`;

describe.concurrent.each(shells())('in $name, the token', ({ command: shell }) => {
  test.each(['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'])(
    'in %s reaches hf by its environment only, and nobody else',
    async (name) => {
      await using stage = new Stage({ shell });
      const end = await stage.run([], { [name]: 'hf_good', FAULT: 'gated' });
      expect(end.status, end.stderr).toBe(0);
      const calls = stage.recorded('hf');
      expect(calls).toContain('HF_TOKEN=hf_good');
      expect(calls.filter((line) => line.includes('hf_good') && line !== 'HF_TOKEN=hf_good')).toEqual([]);
      expect(end.stdout + end.stderr).not.toContain('hf_good');
      expect(end.stdout).not.toMatch(/HF_TOKEN|HUGGING_FACE_HUB_TOKEN/);
    },
  );

  test('is gone before an engine that needs no download starts', async () => {
    await using stage = new Stage({ shell });
    await stage.run();
    const end = await stage.run([], { HF_TOKEN: 'hf_good', HUGGING_FACE_HUB_TOKEN: 'hf_old' });
    expect(end.status).toBe(0);
    expect(end.stdout + end.stderr).not.toMatch(/hf_good|hf_old|_TOKEN/);
  });

  test('is asked for when the model is gated and none was given', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: 'gated', HF_TOKEN: '' });
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toContain(
      `${MODEL} is gated or private: accept the conditions at ${CONDITIONS} and pass -e HF_TOKEN=`,
    );
  });

  test('without access to the model is said to have none, at the first attempt', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: 'gated', HF_TOKEN: 'hf_other' });
    expect(end.status).toBe(1);
    expect(end.stderr).toContain(`the token given has no access to ${MODEL}`);
    expect(end.stderr).toContain(CONDITIONS);
    expect(end.stderr).not.toContain('hf_other');
    expect(stage.recorded('hf').filter((line) => line === 'END')).toHaveLength(1);
  });

  test('is not printed even by a downloader that prints it, nor is the query of a signed address', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: 'leak', HF_TOKEN: 'hf_good' });
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('a line with the token is left out');
    expect(end.stderr).not.toMatch(/hf_good|Signature/);
  });

  test('with characters that no token has is refused without being shown', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { HF_TOKEN: 'hf_"x$(id)' });
    expect(end).toMatchObject({ status: 2, stdout: '' });
    expect(end.stderr).not.toContain('hf_"');
  });
});
