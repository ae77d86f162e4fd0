import type { Page } from 'playwright-core';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Reads what a page of the viewer shows, and uses its canvas. */
export class Probe {
  constructor(readonly page: Page) {}

  text(id: string): Promise<string> {
    return this.page.locator(`#${id}`).innerText();
  }

  /** Waits until an element has a text. */
  async says(id: string, words: RegExp): Promise<void> {
    await this.page.waitForFunction(
      ([element = '', source = '']) =>
        new RegExp(source).test(document.getElementById(element)?.textContent ?? ''),
      [id, words.source],
      POLLING,
    );
  }

  /** Waits for a message to the user. */
  async told(words: RegExp): Promise<void> {
    await this.page.waitForFunction(
      (source) =>
        ['status', 'toasts'].some((id) =>
          new RegExp(source).test(document.getElementById(id)?.innerText.replaceAll('\n', ' ') ?? ''),
        ),
      words.source,
      POLLING,
    );
  }

  /** Color of a pixel of the canvas in CSS pixels. */
  pixel(x: number, y: number): Promise<number[]> {
    return this.page.evaluate(
      ([px, py]) => {
        const canvas = document.querySelector('canvas') as HTMLCanvasElement;
        const gl = canvas.getContext('webgl2') as WebGL2RenderingContext;
        const bytes = new Uint8Array(4);
        gl.readPixels(px ?? 0, canvas.height - 1 - (py ?? 0), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
        return [...bytes];
      },
      [x, y],
    );
  }

  /** Waits for the next picture on the screen. */
  draw(): Promise<void> {
    return this.page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => done())));
  }

  /** All pixels of the canvas: another lambda of a network with random weights changes some of them by one level. */
  drawn(): Promise<string | undefined> {
    return this.page.evaluate(() => document.querySelector('canvas')?.toDataURL());
  }

  async box(): Promise<Box> {
    return (await this.page.locator('#canvas').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  }

  /** From one place of the canvas to another one. */
  async drag(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const { x, y } = await this.box();
    await this.page.mouse.move(x + from[0], y + from[1]);
    await this.page.mouse.down();
    await this.page.mouse.move(x + to[0], y + to[1], { steps: 5 });
    await this.page.mouse.up();
  }
}

/** Not with every frame of the screen, which takes long where many processes share a processor. */
const POLLING = { polling: 20 };
