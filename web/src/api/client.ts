/**
 * The one door to the server: at most five requests in flight (the sixth connection that
 * browsers allow is the live feed's), errors in the server's form, and reads that wait while
 * the server is away.
 *
 * ETags need no code: `Cache-Control: no-cache` makes the browser ask with If-None-Match and hand
 * out its own copy on a 304.
 */
import { connection } from '../lib/connection.svelte';
import { base } from '../lib/paths';
import type { ErrorBody } from './types';

export class ApiError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly status: number;
  readonly body: ErrorBody;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.name = 'ApiError';
    this.code = body.code;
    this.hint = body.hint ?? '';
    this.status = status;
    this.body = body;
  }
}

type Value = string | number | boolean | null | undefined;
export type Query = Record<string, Value | readonly string[]>;

/** `?a=1&b=x&b=y`; what is undefined, null, '' or false is left out, lists are repeated. */
export function queryText(query: Query = {}): string {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const item of value) out.append(key, item);
    else if (value === true) out.set(key, '1');
    else if (value || value === 0) out.set(key, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : '';
}

/** Address of something below /api/v1. */
export function apiUrl(path: string, query?: Query): string {
  return `${base}/api/v1${path}${queryText(query)}`;
}

export interface Options {
  signal?: AbortSignal;
  query?: Query;
}

/** ms after which what was asked early is stale. */
const EARLY = 10_000;

const AT_ONCE = 5;
let running = 0;
const waiting: (() => void)[] = [];

async function turn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  else running += 1;
  try {
    signal?.throwIfAborted();
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** An answer that was asked for while the app was on its way: once, and only at the start. */
function taken(url: string, init: RequestInit): Promise<Response> | undefined {
  const early = typeof window === 'undefined' ? undefined : window.notabeneEarly;
  if (init.method !== 'GET' || performance.now() > EARLY) return undefined;
  const answer = early?.get(url);
  early?.delete(url);
  return answer;
}

async function send(url: string, init: RequestInit): Promise<Response> {
  for (;;) {
    try {
      const answer = await (taken(url, init) ?? fetch(url, init));
      if (answer.ok) return answer;
      throw await errorOf(answer);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      connection.lost();
      if (init.method !== 'GET') throw unreachable();
      await connection.back(init.signal ?? undefined);
    }
  }
}

function unreachable(): ApiError {
  return new ApiError(0, {
    code: 'offline',
    message: 'the server does not answer; nothing was changed',
    hint: 'try again once it is back',
  });
}

async function errorOf(answer: Response): Promise<ApiError> {
  try {
    const body = (await answer.json()) as ErrorBody;
    if (typeof body.message === 'string') return new ApiError(answer.status, body);
  } catch {
    // not JSON: a proxy's answer
  }
  const message = `the server answered ${answer.status} ${answer.statusText}`.trim();
  return new ApiError(answer.status, { code: 'http', message, hint: '' });
}

function request(method: string, path: string, options: Options, body?: unknown) {
  const init: RequestInit = { method, signal: options.signal ?? null };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  return send(apiUrl(path, options.query), init);
}

async function json<T>(answer: Response): Promise<T> {
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export function get<T>(path: string, options: Options = {}): Promise<T> {
  return turn(async () => json<T>(await request('GET', path, options)), options.signal);
}

/** A write. Not queued behind reads: people wait for it. */
export async function write<T>(
  method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  options: Options = {},
): Promise<T> {
  return json<T>(await request(method, path, options, body));
}

/** A read by POST that answers with bytes. */
export function bytes(path: string, body: unknown, options: Options = {}): Promise<ArrayBuffer> {
  return turn(async () => {
    for (;;) {
      try {
        return await (await request('POST', path, options, body)).arrayBuffer();
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'offline') throw error;
        await connection.back(options.signal);
      }
    }
  }, options.signal);
}

/** A read that answers with text. */
export function text(path: string, options: Options = {}): Promise<string> {
  return turn(async () => (await request('GET', path, options)).text(), options.signal);
}
