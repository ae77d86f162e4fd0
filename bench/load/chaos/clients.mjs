/**
 * The clients of the chaos test. Each returns how it went: `done`, the code of a problem, `gone` where the connection broke;
 * a result with other bytes than in the quiet run, or an answer that is no problem document, is `wrong`.
 */
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Agent, request } from 'undici';
import { DenoiserService, FileRole } from '../../../dist/server/gen/quietframe/v1/denoiser_pb.js';
import { digestOf } from './frames.mjs';

let dispatcher = new Agent({ connections: 64 });
const EXR = { 'content-type': 'image/x-exr' };
const JSON_TYPE = { 'content-type': 'application/json' };

export const bearer = (token) => ({ authorization: `Bearer ${token}` });

export async function ask(method, url, headers, body) {
  const answer = await request(url, { method, headers, body, dispatcher, headersTimeout: 120_000 });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
}

/** The code of a problem document. */
export function codeOf({ status, body }) {
  try {
    return JSON.parse(body.toString()).type.replace('urn:quietframe:problem:', '');
  } catch {
    return `wrong: ${status} without a problem document`;
  }
}

export async function denoise({ http, token, frame, expected }) {
  const answer = await ask('POST', `${http}/v1/denoise?model=pkn`, { ...EXR, ...bearer(token) }, frame);
  if (answer.status !== 200) return codeOf(answer);
  return digestOf(answer.body) === expected ? 'done' : 'wrong: another result';
}

export async function denoiseByGrpc({ grpc, token, frame, expected }) {
  const sessionManager = new Http2SessionManager(grpc);
  const client = createClient(DenoiserService, createGrpcTransport({ baseUrl: grpc, sessionManager }));
  async function* messages() {
    const files = [{ role: FileRole.FRAME, sizeBytes: BigInt(frame.length) }];
    yield { message: { case: 'options', value: { files, model: 'pkn' } } };
    yield { message: { case: 'chunk', value: frame } };
  }
  const chunks = [];
  try {
    for await (const { message } of client.denoise(messages(), {
      headers: bearer(token),
      timeoutMs: 60_000,
    })) {
      if (message.case === 'chunk') chunks.push(message.value);
    }
    return digestOf(Buffer.concat(chunks)) === expected ? 'done' : 'wrong: another result by gRPC';
  } catch (error) {
    const { code } = ConnectError.from(error);
    const typed = [Code.Unavailable, Code.ResourceExhausted, Code.Unauthenticated, Code.DeadlineExceeded];
    return `${typed.includes(code) ? 'grpc' : 'gone: grpc'} ${Code[code]}`;
  } finally {
    sessionManager.abort();
  }
}

/** A job of files that are sent before it. @returns the id of the job with it, once it was accepted. */
export async function submit({ http, token, files }) {
  const digests = files.map(digestOf);
  for (const [index, file] of files.entries()) {
    const kept = await ask('PUT', `${http}/v1/frames/${digests[index]}`, { ...EXR, ...bearer(token) }, file);
    if (kept.status >= 300) return { outcome: codeOf(kept) };
  }
  const body = JSON.stringify({ windows: digests.map((digest) => ({ frames: [digest] })), model: 'pkn' });
  const answer = await ask('POST', `${http}/v1/jobs`, { ...JSON_TYPE, ...bearer(token) }, body);
  if (answer.status !== 202) return { outcome: codeOf(answer) };
  return { outcome: 'done', id: JSON.parse(answer.body.toString()).id };
}

/** Reads the events of a job for a while, or to their end. */
export async function followEvents({ http, token, id }) {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), 3000);
  try {
    const { signal } = end;
    const answer = await request(`${http}/v1/jobs/${id}/events`, {
      ...{ headers: bearer(token), signal, dispatcher },
    });
    const body = Buffer.from(await answer.body.arrayBuffer());
    return answer.statusCode < 300 ? 'done' : codeOf({ status: answer.statusCode, body });
  } catch (error) {
    if (end.signal.aborted) return 'done';
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a frame and does not read the answer. */
export async function readNothing({ http, token, frame }) {
  const headers = { ...EXR, ...bearer(token), 'content-length': frame.length };
  const sent = httpRequest(`${http}/v1/denoise?model=pkn`, { method: 'POST', headers, agent: false });
  sent.on('error', () => {}).on('response', (answer) => answer.on('error', () => {}).pause());
  sent.end(frame);
  await sleep(3000);
  sent.destroy();
  return 'done';
}

/** Sends a part of a frame and goes away, or stays silent. */
export async function breakOff({ http, token, frame }, staysFor) {
  const headers = { ...EXR, ...bearer(token), 'content-length': frame.length };
  const sent = httpRequest(`${http}/v1/denoise?model=pkn`, { method: 'POST', headers, agent: false });
  sent.on('error', () => {}).on('response', (answer) => answer.on('error', () => {}).resume());
  sent.write(frame.subarray(0, frame.length / 2));
  await sleep(staysFor);
  sent.destroy();
  return 'done';
}

/** Bytes that are no frame, in a request that is right. */
export async function sendGarbage({ http, token, frame }, random) {
  const bytes = Buffer.from(frame);
  for (let i = 0; i < 40; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(256 * random());
  const answer = await ask('POST', `${http}/v1/denoise?model=pkn`, { ...EXR, ...bearer(token) }, bytes);
  // Pixels may have changed alone, and then there is a result.
  return answer.status === 200 ? 'done' : codeOf(answer);
}

/** Bytes that are no request, on either port. */
export async function sendNoise(origin) {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}).resume();
  socket.write(randomBytes(2000));
  await sleep(200);
  socket.destroy();
  return 'done';
}

/** Ends the connections that are kept alive: the service keeps its side of them for a minute. */
export async function closeConnections() {
  await dispatcher.destroy();
  dispatcher = new Agent({ connections: 64 });
}
