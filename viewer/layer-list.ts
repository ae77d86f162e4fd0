import type { Layer } from './layers.js';
import { select } from './page.js';
import { layersIn } from './pictures.js';
import { FLICKER, MAPS, type Source, type State } from './state.js';

/** Lists the layers of a file in the picker, which keeps its choice where there still is one. */
export function listLayers(state: State, source: Source): void {
  const layers = layersIn(state.result?.source ?? source);
  state.layers = layers;
  const picker = select('layer');
  const chosen = picker.value;
  const option = ({ label }: Layer): HTMLOptionElement => new Option(label, label);
  const maps = layers.filter(({ label }) => MAPS.test(label));
  const group = (label: string, options: readonly HTMLOptionElement[]): HTMLOptGroupElement => {
    const element = document.createElement('optgroup');
    element.label = label;
    element.append(...options);
    return element;
  };
  picker.replaceChildren(
    new Option('Beauty', ''),
    ...(state.shot.frames.length > 1 ? [new Option('Flicker', FLICKER)] : []),
    ...(maps.length > 0 ? [group('Maps', maps.map(option))] : []),
    group('Layers of the file', layers.filter((layer) => !maps.includes(layer)).map(option)),
  );
  picker.value = chosen;
  if (picker.selectedIndex < 0) picker.value = '';
}
