import { Type } from 'typebox';

const PLACE = Type.Integer({ minimum: 0 });

function row(description: string) {
  return Type.Array(Type.Number(), { description });
}

const KERNEL = Type.Object(
  {
    size: PLACE,
    weights: row('Row by row; the border of the level repeats. The sum is 1.'),
    gate: Type.Number({ description: "How much of the albedo's texture comes back." }),
    gain: row('What the gate makes of it, for each channel.'),
  },
  { description: "The frame's own kernel: `gain` times the weighted sum of the noisy colors." },
);

const FUSION = Type.Object(
  {
    share: Type.Number(),
    gain: row('As of the kernel.'),
    bound: Type.Number(),
    frames: Type.Array(
      Type.Object({
        offset: Type.Integer(),
        share: Type.Number({ description: 'Sum of the weights.' }),
        x: Type.Optional(Type.Integer()),
        y: Type.Optional(Type.Integer()),
        size: PLACE,
        weights: row('Around x and y of the other frame; none where motion leads out of it.'),
      }),
    ),
  },
  {
    description:
      "In a window: `bound` times `gain` times the weighted sum of the frames' own results, this frame's with the weight `share`.",
  },
);

/** Kernels of pixels, as `outputs=kernels` reports them. */
export const KERNELS = Type.Array(
  Type.Object({
    x: PLACE,
    y: PLACE,
    color: row('Composited.'),
    denoisedWeight: Type.Number(),
    levels: Type.Array(
      Type.Object({
        x: PLACE,
        y: PLACE,
        denoised: row('The color before it is composited.'),
        blendWeight: Type.Optional(
          Type.Number({ description: 'Alpha of equation 5; none at the coarsest level.' }),
        ),
        kernel: KERNEL,
        fusion: Type.Optional(FUSION),
      }),
      { description: 'The finest first; places are pixels of the level.' },
    ),
  }),
  {
    description:
      'Of outputs=kernels, in the order of `pixels`. The color is composited from the levels by their blend weights; the noise guard takes `denoisedWeight` of it and the noisy color for the rest.',
  },
);
