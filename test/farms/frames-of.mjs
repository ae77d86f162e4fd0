// Reads JSON from standard input, a list of frame ranges, and writes what `quietframe sequence` makes of each: frames, or null.
import { FrameRanges } from '../../dist/cli/sequence/frame-ranges.js';

let text = '';
for await (const chunk of process.stdin) text += chunk;
const framesOf = (ranges) => {
  try {
    return FrameRanges.parse(ranges, 'the frames').list('the frames');
  } catch (error) {
    if (error.code === 'invalid-argument') return null;
    throw error;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(text).map(framesOf)));
