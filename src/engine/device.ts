/** Hardware that networks and kernels run on, by the execution provider of ONNX Runtime that reaches it. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
export type Device = (typeof DEVICES)[number];

/** `auto` is the first of these that passes its probe, or else the CPU. */
export const AUTO_DEVICES = ['cuda', 'webgpu'] as const satisfies readonly Device[];
export const DEVICE_CHOICES = [...DEVICES, 'auto'] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];
