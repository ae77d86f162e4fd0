// One pass of the cross-bilateral filter and its derivative for training on CPUs; the formulas are in
// ../pkn/cross_bilateral.py. Pictures are padded by the distance of the taps; every inner loop runs over a row.
#include <torch/extension.h>

#include <cmath>
#include <vector>

namespace {

constexpr int64_t kLight = 3;
constexpr int64_t kAlbedo = 3;
constexpr int64_t kSurface = 6;
constexpr int64_t kPrecisions = 3;

// Addresses of the rows that a row of pixels needs for one tap.
struct Rows {
  const float* center;
  const float* tap;
};

inline float square(float x) { return x * x; }

struct Pass {
  int64_t n, h, w, hp, wp, distance;

  Pass(const torch::Tensor& parameters, const torch::Tensor& light, int64_t distance)
      : n(parameters.size(0)), h(parameters.size(2)), w(parameters.size(3)), hp(light.size(2)), wp(light.size(3)),
        distance(distance) {}

  Rows rows(const float* padded, int64_t channels, int64_t b, int64_t c, int64_t y, int64_t dy, int64_t dx) const {
    const float* plane = padded + (b * channels + c) * hp * wp;
    const float* center = plane + (y + distance) * wp + distance;
    return {center, center + (dy * wp + dx) * distance};
  }

  template <typename Visit>
  void for_each_tap(const Visit& visit) const {
    for (int64_t b = 0; b < n; b++)
      for (int64_t y = 0; y < h; y++)
        for (int64_t dy = -1; dy <= 1; dy++)
          for (int64_t dx = -1; dx <= 1; dx++)
            if (dy != 0 || dx != 0) visit(b, y, dy, dx);
  }

  // Squared differences of guide, albedo and normal: [3][w].
  void differences(const float* guide, const float* surface, int64_t b, int64_t y, int64_t dy, int64_t dx, float* to) const {
    const Rows g = rows(guide, 1, b, 0, y, dy, dx);
    for (int64_t x = 0; x < w; x++) to[x] = square(g.tap[x] - g.center[x]);
    for (int64_t x = w; x < 3 * w; x++) to[x] = 0;
    for (int64_t c = 0; c < kSurface; c++) {
      const Rows s = rows(surface, kSurface, b, c, y, dy, dx);
      float* sum = to + (c < kAlbedo ? w : 2 * w);
      for (int64_t x = 0; x < w; x++) sum[x] += square(s.tap[x] - s.center[x]);
    }
  }
};

}  // namespace

// light [N,3,Hp,Wp], guide [N,1,Hp,Wp], surface [N,6,Hp,Wp], parameters [N,4,H,W] -> mean [N,3,H,W], total [N,1,H,W]
std::vector<torch::Tensor> forward(torch::Tensor light, torch::Tensor guide, torch::Tensor surface, torch::Tensor parameters,
                                   int64_t distance) {
  const Pass pass(parameters, light, distance);
  const int64_t w = pass.w, size = pass.h * w;
  auto mean = torch::zeros({pass.n, kLight, pass.h, w}), total = torch::ones({pass.n, 1, pass.h, w});
  const float *lights = light.data_ptr<float>(), *guides = guide.data_ptr<float>(), *surfaces = surface.data_ptr<float>(),
              *values = parameters.data_ptr<float>();
  float *means = mean.data_ptr<float>(), *totals = total.data_ptr<float>();
  std::vector<float> d(3 * w), weight(w);
  pass.for_each_tap([&](int64_t b, int64_t y, int64_t dy, int64_t dx) {
    pass.differences(guides, surfaces, b, y, dy, dx, d.data());
    const float* p = values + b * 4 * size + y * w;
    for (int64_t x = 0; x < w; x++)
      weight[x] = p[3 * size + x] * std::exp(-(p[x] * d[x] + p[size + x] * d[w + x] + p[2 * size + x] * d[2 * w + x]));
    float* sum = totals + b * size + y * w;
    for (int64_t x = 0; x < w; x++) sum[x] += weight[x];
    for (int64_t c = 0; c < kLight; c++) {
      const Rows l = pass.rows(lights, kLight, b, c, y, dy, dx);
      float* to = means + (b * kLight + c) * size + y * w;
      for (int64_t x = 0; x < w; x++) to[x] += weight[x] * l.tap[x];
    }
  });
  const int64_t d0 = distance;
  mean += light.slice(2, d0, d0 + pass.h).slice(3, d0, d0 + w);
  return {mean / total, total};
}

// The gradients of light, guide (both padded) and parameters.
std::vector<torch::Tensor> backward(torch::Tensor gradient, torch::Tensor mean, torch::Tensor total, torch::Tensor light,
                                    torch::Tensor guide, torch::Tensor surface, torch::Tensor parameters, int64_t distance) {
  const Pass pass(parameters, light, distance);
  const int64_t w = pass.w, size = pass.h * w;
  const torch::Tensor scaled = (gradient / total).contiguous();
  const torch::Tensor offset = (scaled * mean).sum(1, true).contiguous();
  auto of_light = torch::zeros_like(light), of_guide = torch::zeros_like(guide), of_parameters = torch::zeros_like(parameters);
  const int64_t d0 = distance;
  of_light.slice(2, d0, d0 + pass.h).slice(3, d0, d0 + w) += scaled;
  const float *lights = light.data_ptr<float>(), *guides = guide.data_ptr<float>(), *surfaces = surface.data_ptr<float>(),
              *values = parameters.data_ptr<float>(), *gradients = scaled.data_ptr<float>(), *offsets = offset.data_ptr<float>();
  float *to_light = of_light.data_ptr<float>(), *to_guide = of_guide.data_ptr<float>(), *to_p = of_parameters.data_ptr<float>();
  std::vector<float> d(3 * w), falloff(w), effect(w);
  pass.for_each_tap([&](int64_t b, int64_t y, int64_t dy, int64_t dx) {
    pass.differences(guides, surfaces, b, y, dy, dx, d.data());
    const float* p = values + b * 4 * size + y * w;
    float* q = to_p + b * 4 * size + y * w;
    for (int64_t x = 0; x < w; x++)
      falloff[x] = std::exp(-(p[x] * d[x] + p[size + x] * d[w + x] + p[2 * size + x] * d[2 * w + x]));
    // The derivative by the weight of the tap.
    for (int64_t x = 0; x < w; x++) effect[x] = -offsets[b * size + y * w + x];
    for (int64_t c = 0; c < kLight; c++) {
      const Rows l = pass.rows(lights, kLight, b, c, y, dy, dx);
      const float* g = gradients + (b * kLight + c) * size + y * w;
      float* to = to_light + (l.tap - lights);
      for (int64_t x = 0; x < w; x++) effect[x] += g[x] * l.tap[x];
      for (int64_t x = 0; x < w; x++) to[x] += g[x] * p[3 * size + x] * falloff[x];
    }
    for (int64_t x = 0; x < w; x++) q[3 * size + x] += effect[x] * falloff[x];
    for (int64_t x = 0; x < w; x++) effect[x] *= -p[3 * size + x] * falloff[x];
    for (int64_t k = 0; k < kPrecisions; k++)
      for (int64_t x = 0; x < w; x++) q[k * size + x] += effect[x] * d[k * w + x];
    const Rows g = pass.rows(guides, 1, b, 0, y, dy, dx);
    float *to_tap = to_guide + (g.tap - guides), *to_center = to_guide + (g.center - guides);
    for (int64_t x = 0; x < w; x++) effect[x] *= 2 * p[x] * (g.tap[x] - g.center[x]);
    for (int64_t x = 0; x < w; x++) to_tap[x] += effect[x];
    for (int64_t x = 0; x < w; x++) to_center[x] -= effect[x];
  });
  return {of_light, of_guide, of_parameters};
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("forward", &forward);
  m.def("backward", &backward);
}
