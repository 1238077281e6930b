import { endpointOf } from '../build/engines/launch/index.ts';
import type { ImageInputs } from '../image/inputs.ts';

/** How to start an image that the local engine has, and where it answers when it is ready. */
export function startHint(
  name: string,
  { engine, serveArgs, variant, downloadRoot }: Pick<ImageInputs, 'engine' | 'serveArgs' | 'variant' | 'downloadRoot'>,
): string {
  const { port, health } = endpointOf(engine, serveArgs);
  const volume = variant === 'slim' ? ` -v "$PWD/models:${downloadRoot}"` : '';
  return `Start it: docker run -p ${port}:${port}${volume} ${name}; http://127.0.0.1:${port}${health} answers 200 once it is ready.`;
}
