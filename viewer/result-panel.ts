import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { button, byId, duration, frameCount, rowOf } from './page.js';
import { MAPS, type Result, type Source, type State } from './state.js';

/** Fills the table of channels with the role of each. */
export function listChannels(source: Source, result: Result | undefined): void {
  const parts = result?.source.parts ?? source.parts;
  const { uses, source: renderer } = resolveLayers(source.parts);
  const rows = parts.flatMap(({ channels }, part) =>
    channels.map(({ name }) => {
      const roles = uses
        .filter((use) => use.part === part && use.channel === name)
        .map(({ usedAs }) => usedAs);
      return rowOf(name, roles.join(', ') || (MAPS.test(name) ? 'map' : 'kept'));
    }),
  );
  byId('channels').replaceChildren(rowOf('Renderer', renderer), ...rows);
}

/** Shows the report of a frame's latest result: model, predicted error, warnings and timings. */
export function showReport({ result, results, shot }: State): void {
  for (const id of ['save-exr', 'save-png']) button(id).disabled = result === undefined;
  byId('save-all').hidden = shot.frames.length < 2 || results.size === 0;
  const report = result?.report;
  byId('report').textContent = result === undefined ? '' : summaryOf(result);
  byId('warnings').replaceChildren(
    ...(report?.warnings ?? []).map(({ code, message }) => {
      const item = document.createElement('li');
      item.textContent = `${code}: ${message}`;
      item.title = message;
      return item;
    }),
  );
  const timings = Object.entries(report?.stages ?? {}).map(([stage, seconds]) =>
    rowOf(stage, duration(seconds)),
  );
  byId('timings').replaceChildren(...timings);
  byId('total').textContent = report?.seconds === undefined ? '' : `: ${duration(report.seconds)}`;
  byId('timings-all').hidden = report === undefined;
}

function summaryOf({ report, lambda, isPainted }: Result): string {
  const { model, version, device, windowUsed, wrap, predictedError } = report;
  return [
    `${model}@${version} on ${device}, ${frameCount(windowUsed)}`,
    lambdaText(lambda, isPainted),
    ...(wrap === 'x' ? ['borders joined'] : []),
    ...(predictedError === undefined ? [] : [`SMAPE ${predictedError.smape.toFixed(4)}`]),
  ].join(', ');
}

/** How a result was made, in a few words. */
export function titleOf({ lambda, isPainted, report }: Result): string {
  const { model, version, windowUsed } = report;
  return `${lambdaText(lambda, isPainted)}, ${frameCount(windowUsed)}, ${model}@${version}`;
}

function lambdaText(lambda: number, isPainted: boolean): string {
  return isPainted ? `painted map over lambda ${lambda}` : `lambda ${lambda}`;
}
