import { describe, expect, it } from 'vitest';
import { licenseLink } from '../../../src/licensing/license-link.ts';
import { hubFile } from '../../support/policy/input.ts';

const IDS = ['org/new', 'org/old'];
const FILES = [
  hubFile('LICENSE'),
  hubFile('docs/My terms.pdf'),
  hubFile('model.safetensors'),
  hubFile('large.md', { size: 2 ** 30 }),
  hubFile('../escape'),
];
const link = (text: string | null) => licenseLink(text, IDS, FILES);

describe('licenseLink', () => {
  it.each([
    ['LICENSE', 'LICENSE'],
    [' ./LICENSE ', 'LICENSE'],
    ['docs/My terms.pdf', 'docs/My terms.pdf'],
    ['https://huggingface.co/org/new/blob/main/LICENSE', 'LICENSE'],
    ['https://huggingface.co/Org/Old/resolve/v1/docs/My%20terms.pdf?download=true#top', 'docs/My terms.pdf'],
    [`https://hf.co/org/new/raw/${'a'.repeat(40)}/LICENSE`, 'LICENSE'],
    ['https://huggingface.co/org/new/blob/refs%2Fpr%2F1/LICENSE', 'LICENSE'],
  ])('finds the file that %s means', (text, path) => {
    expect(link(text)).toEqual({ text: path, path });
  });

  it.each([
    'https://example.org/org/new/blob/main/LICENSE',
    'https://huggingface.co.example.org/org/new/blob/main/LICENSE',
    'https://huggingface.co:8443/org/new/blob/main/LICENSE',
    'http://huggingface.co/org/new/blob/main/LICENSE',
    'https://huggingface.co/org/other/blob/main/LICENSE',
    'https://huggingface.co/org/new/tree/main/LICENSE',
    'https://huggingface.co/org/new',
    'https://huggingface.co/org/new/blob/main/%',
    'https://',
    'file:///LICENSE',
    'COPYING',
    'model.safetensors',
    'large.md',
    '../escape',
  ])('only quotes %s', (text) => {
    expect(link(text)).toEqual({ text, path: null });
  });

  it('quotes on one printable line of bounded length', () => {
    expect(link('see\nforged: yes\u202e')).toEqual({ text: 'see forged: yes', path: null });
    expect(link(`https://example.org/${'x'.repeat(10_000)}`).text).toHaveLength(500);
    expect(link('\u202e')).toEqual({ text: null, path: null });
    expect(link(null)).toEqual({ text: null, path: null });
  });
});
