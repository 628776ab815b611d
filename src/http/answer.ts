// What a route answers; apart from the listener, which is loaded only where a configuration has one.

export interface HttpAnswer {
  readonly status: 200 | 503
  readonly type: string
  readonly body: string
}

export const plainText = 'text/plain; charset=utf-8'

/** What is answered, by path; asked for each request, and quick. */
export type HttpRoutes = ReadonlyMap<string, () => HttpAnswer>
