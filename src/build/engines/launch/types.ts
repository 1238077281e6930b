/** How an engine is met once it runs. How it is started is the entrypoint's (`docker/entrypoint.sh`, `start_<engine>`). */
export interface EngineLaunch {
  /** TCP port it listens on unless its arguments say otherwise. */
  port: number;
  /** Path of the HTTP endpoint that answers 200 as soon as the model can be asked. */
  health: string;
}
