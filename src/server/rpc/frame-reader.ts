import { expected, QuietframeError } from '../../errors.js';
import { FILE_ROLES, type FileRole as LayerRole } from '../../image/joined-parts.js';
import { digestOf } from '../../io/sha256.js';
import type { AppContext } from '../context.js';
import type { OwnedFrames } from '../frames/owned-frames.js';
import type { SourceFile } from '../frames/source-files.js';
import { type DenoiseSequenceRequest, FileRole, type InputFile } from '../gen/quietframe/v1/denoiser_pb.js';
import { AOV_NAMES } from '../http/upload.js';
import type { UploadScope } from '../queue/upload-memory.js';
import { checkFile, MAX_CHUNK_BYTES, malformed, PART_NAMES, stored } from './receive-files.js';

export type SequenceMessages = AsyncIterator<DenoiseSequenceRequest, unknown>;

/** A layer in a file of its own that follows every frame. */
export interface SequenceLayer {
  /** As clients call it. */
  readonly fileRole: FileRole;
  readonly role: LayerRole;
}

/** What is held of a window while another frame arrives. */
interface Received {
  readonly file: SourceFile;
  readonly release: () => void;
}

/**
 * The layers that options name.
 * @throws QuietframeError `malformed-body` for a role that no layer has, and for one that is named twice.
 */
export function layersOf(fileRoles: readonly FileRole[]): readonly SequenceLayer[] {
  return fileRoles.map((fileRole, index) => {
    const role = FILE_ROLES.find((each) => AOV_NAMES[each] === PART_NAMES[fileRole]);
    if (role === undefined || fileRoles.indexOf(fileRole) < index) {
      const range = 'roles of layers, each at most once';
      throw malformed(range, `layers[${index}] of the options`, FileRole[fileRole] ?? fileRole);
    }
    return { fileRole, role };
  });
}

/** The frames of a client, one at a time, each with its layers. */
export class FrameReader {
  readonly #messages: SequenceMessages;
  readonly #context: AppContext;
  /** Kept frames of the caller. */
  readonly #frames: OwnedFrames;
  /** Gives back what is reserved for each frame of the window, in order. */
  readonly #reserved: (() => void)[] = [];
  #count = 0;
  #ended = false;

  constructor(messages: SequenceMessages, context: AppContext, frames: OwnedFrames) {
    this.#messages = messages;
    this.#context = context;
    this.#frames = frames;
  }

  /** The first frame has left the window. */
  releaseFirst(): void {
    this.#reserved.shift()?.();
  }

  releaseAll(): void {
    for (const release of this.#reserved.splice(0)) release();
  }

  /**
   * @param held bytes of the window so far.
   * @returns undefined when there are no more frames.
   * @throws QuietframeError `malformed-body`, `too-large`, `overloaded`, `missing-frames`, and as the messages do.
   */
  async next(
    held: number,
    layers: readonly SequenceLayer[],
    memory: UploadScope,
  ): Promise<SourceFile | undefined> {
    if (this.#ended) return undefined;
    const described = await this.#describe('a frame', 'a message between frames');
    if (described === undefined) {
      this.#ended = true;
      return undefined;
    }
    const index = this.#count++;
    const { maxJobFrames } = this.#context.config;
    if (this.#count > maxJobFrames) {
      throw new QuietframeError('too-large', expected(`at most ${maxJobFrames}`, 'the frames', 'more'));
    }
    const name = `frame[${index}]`;
    if (described.role > FileRole.FRAME)
      throw malformed('FILE_ROLE_FRAME', `role of ${name}`, described.role);
    const received = [await this.#receive(described, name, held, memory)];
    const others = new Map<LayerRole, SourceFile>();
    this.#reserved.push(() => {
      for (const { release } of received) release();
    });
    for (const { role, fileRole } of layers) {
      const layerName = `${AOV_NAMES[role]}[${index}]`;
      const layer = await this.#describe(layerName, `the message after ${name}`);
      if (layer?.role !== fileRole) {
        throw malformed(`FILE_ROLE_${FileRole[fileRole]}`, `role of ${layerName}`, layer?.role ?? 'the end');
      }
      const before = received.reduce((sum, { file }) => sum + file.length, held);
      const each = await this.#receive(layer, layerName, before, memory);
      received.push(each);
      others.set(role, each.file);
    }
    const [{ file }] = received as [Received, ...Received[]];
    return others.size === 0 ? file : this.#context.files.joined(file, others);
  }

  /** What the next message says about a file; undefined at the end. */
  async #describe(wanted: string, name: string): Promise<InputFile | undefined> {
    const { done, value } = await this.#messages.next();
    if (done) return undefined;
    if (value.message.case !== 'frame') throw malformed(wanted, name, value.message.case);
    return value.message.value;
  }

  /** The bytes of a file, or the file that the service keeps. */
  async #receive(described: InputFile, name: string, held: number, memory: UploadScope): Promise<Received> {
    const { config, files, metrics, uploadBudget } = this.#context;
    checkFile(described, name);
    if (described.sha256 !== '') {
      return { file: stored(described.sha256, files, this.#frames, metrics), release: () => {} };
    }
    const size = Number(described.sizeBytes);
    if (held + size > config.maxUploadBytes) {
      const message = expected(`at most ${config.maxUploadBytes}`, 'the bytes of a window', held + size);
      throw new QuietframeError('too-large', message, { frame: name });
    }
    const release = uploadBudget.reserve(size);
    try {
      const bytes = await this.#chunks(size, name, memory);
      metrics.received(size);
      // The buffer serves other uploads when this one is refused.
      if (described.keep) await this.#frames.put(await digestOf(bytes), new Uint8Array(bytes));
      return { file: files.uploaded(bytes), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #chunks(size: number, name: string, memory: UploadScope): Promise<Uint8Array> {
    const bytes = memory.take(size).subarray(0, size);
    for (let length = 0; length < bytes.length; ) {
      const { done, value } = await this.#messages.next();
      const received = done ? 'the end' : (value.message.case ?? 'an empty message');
      if (done || value.message.case !== 'chunk')
        throw malformed('a chunk', `a message of ${name}`, received);
      const { value: chunk } = value.message;
      if (chunk.length === 0 || chunk.length > MAX_CHUNK_BYTES) {
        throw malformed(`1 to ${MAX_CHUNK_BYTES}`, 'the bytes of a chunk', chunk.length);
      }
      if (length + chunk.length > bytes.length)
        throw malformed(`${bytes.length}`, `the bytes of ${name}`, 'more');
      bytes.set(chunk, length);
      length += chunk.length;
    }
    return bytes;
  }
}
