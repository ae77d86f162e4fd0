import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { QuietframeError } from '../src/errors.js';
import { readHeader } from '../src/exr/header.js';
import { readExr } from '../src/exr/read-exr.js';
import { dssim, relativeMse, smape } from '../src/image/metrics.js';
import type { Raster } from '../src/image/raster.js';
import type { DecodeAnswer, DecodeTask, Opened, Planes } from './decoder.js';
import { rasterOf } from './pixels.js';

async function open(file: Blob): Promise<Opened> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { parts } = readHeader(bytes);
  return {
    // Not crypto.subtle, which pages without TLS do not have.
    digest: bytesToHex(sha256(bytes)),
    parts: parts.map(({ name, view, dataWindow, attributes, channels }) => ({
      ...{ name, view, dataWindow, attributes },
      channels: channels.map((channel) => ({ name: channel.name })),
    })),
  };
}

async function planes(file: Blob, part: number, names: readonly string[]): Promise<Planes> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const select = (candidate: { index: number }, channel: { name: string }): boolean =>
    candidate.index === part && names.includes(channel.name);
  const image = readExr(bytes, { select }).parts[part];
  if (image === undefined) throw new QuietframeError('missing-layer', `Expected part ${part} in the file`);
  const data = names.map((name) => {
    const plane = image.planes.get(name);
    if (plane === undefined)
      throw new QuietframeError('missing-layer', `Expected channel ${name} in the file`);
    return Float32Array.from(plane.data);
  });
  return { dataWindow: image.dataWindow, data };
}

function errors(picture: Raster, reference: Raster): readonly number[] {
  return [smape(picture, reference), relativeMse(picture, reference), dssim(picture, reference)];
}

async function answer(task: DecodeTask): Promise<DecodeAnswer> {
  const { id } = task;
  try {
    if (task.kind === 'open') return { id, opened: await open(task.file) };
    if (task.kind === 'errors')
      return { id, errors: errors(rasterOf(task.picture), rasterOf(task.reference)) };
    return { id, planes: await planes(task.file, task.part, task.channels) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : 'The file could not be read' };
  }
}

addEventListener('message', async ({ data }: MessageEvent<DecodeTask>) => {
  const reply = await answer(data);
  const transfer = 'planes' in reply ? reply.planes.data.map(({ buffer }) => buffer) : [];
  postMessage(reply, { transfer });
});
