import { type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { Architecture } from '../engine/model-manifest.js';

/** A gate whose sigmoid is 0. */
const CLOSED = -1000;

/** Modules of a bundle of format 2 as those of format 3: one head for kernels and embeddings, no gate, 12 input channels. */
export function upgradeFormat2({ contextChannels, embeddingChannels }: Architecture): {
  readonly encoder: (encoder: NetworkModule) => NetworkModule;
  readonly kernelPredictor: (predictor: NetworkModule) => NetworkModule;
  readonly kernelEmbedding: (predictor: NetworkModule) => NetworkModule;
} {
  const memory = new TensorMemory();
  const kernel = 4 * (contextChannels + 1);
  const embedding = 4 * embeddingChannels;
  const head = (name: string, { shape }: Tensor): Tensor =>
    memory.tensor(name, kernel + embedding, shape[2], shape[3]);
  const run = async (
    predictor: NetworkModule,
    spatial: Tensor,
    detail: Tensor,
    offset: number,
  ): Promise<Float32Array> => {
    const [whole, kernelFeatures] = [head('whole', detail), head('kernel_features', detail)];
    whole.data.fill(0);
    whole.data.set(detail.data, offset);
    await predictor.run({ spatial, detail: whole }, { kernel_features: kernelFeatures });
    return kernelFeatures.data;
  };
  return {
    encoder: (encoder) => ({
      async run({ x }, { features, detail }) {
        if (x === undefined || features === undefined || detail === undefined)
          throw new TypeError('No tensors');
        const [, , height, width] = x.shape;
        const known = {
          data: x.data.subarray(0, 12 * height * width),
          shape: [1, 12, height, width] as const,
        };
        const whole = head('detail', detail);
        await encoder.run({ x: known }, { features, detail: whole });
        const plane = detail.shape[2] * detail.shape[3];
        detail.data.fill(CLOSED);
        detail.data.set(whole.data.subarray(0, kernel * plane));
        detail.data.set(whole.data.subarray(kernel * plane), (kernel + 4) * plane);
      },
    }),
    kernelPredictor: (predictor) => ({
      async run({ spatial, detail }, { kernel_features: target }) {
        if (spatial === undefined || detail === undefined || target === undefined)
          throw new TypeError('No tensors');
        const [, , height, width] = detail.shape;
        const plane = height * width;
        const known = {
          data: detail.data.subarray(0, kernel * plane),
          shape: [1, kernel, height, width] as const,
        };
        const result = await run(predictor, spatial, known, 0);
        target.data.set(result.subarray(0, kernel * plane));
        target.data.set(detail.data.subarray(kernel * plane), kernel * plane);
      },
    }),
    kernelEmbedding: (predictor) => ({
      async run({ spatial, detail }, { embedding: target }) {
        if (spatial === undefined || detail === undefined || target === undefined)
          throw new TypeError('No tensors');
        const plane = target.shape[2] * target.shape[3];
        const result = await run(predictor, spatial, detail, kernel * plane);
        target.data.set(result.subarray(kernel * plane));
      },
    }),
  };
}
