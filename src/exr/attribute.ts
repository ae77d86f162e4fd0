import type { Attribute } from '../image/image.js';
import { textOf } from './names.js';

/** An attribute of type `string`; text is stored as UTF-8. */
export function stringAttribute(text: string): Attribute {
  return { type: 'string', value: new TextEncoder().encode(text) };
}

/** An attribute of type `float`. */
export function floatAttribute(value: number): Attribute {
  return { type: 'float', value: new Uint8Array(new Float32Array([value]).buffer) };
}

/** The text of an attribute of type `string` without trailing zeros, or undefined when it has another type. */
export function attributeText(attribute: Attribute | undefined): string | undefined {
  if (attribute === undefined || (attribute.type !== 'string' && attribute.type !== 'text')) return undefined;
  return textOf(attribute.value).replace(/\0+$/, '');
}
