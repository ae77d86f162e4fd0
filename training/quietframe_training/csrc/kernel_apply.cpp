// Softmax kernel prediction and application for training on CPUs; the formulas are in ../kernel_apply.py.
// Taps of one row are contiguous in the padded pictures, so every inner loop runs over dx. K is a template argument and
// rows are rounded up to whole vectors. The 1x1 layer of the positional logits is part of it: as a matrix product of its
// own it took a quarter of a training step, all of it memory traffic.
#include <torch/extension.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace {

constexpr int64_t kLanes = 8;

constexpr int64_t rounded(int64_t k) { return (k + kLanes - 1) / kLanes * kLanes; }

struct Shape {
  int64_t n, h, w, context, embed, channels, hp, wp;
};

Shape shape_of(const torch::Tensor& context, const torch::Tensor& embedding, const torch::Tensor& image) {
  return {context.size(0),    context.size(1), context.size(2), context.size(3),
          embedding.size(1), image.size(1),   image.size(2),   image.size(3)};
}

// [C, K*K] -> [C, K * rounded(K)], zeros in the slack.
template <int64_t K>
torch::Tensor padded_rows(const torch::Tensor& taps) {
  return torch::constant_pad_nd(taps.reshape({-1, K, K}), {0, rounded(K) - K}).contiguous();
}

// Rows may be read a few pixels past the last tap.
template <int64_t K>
torch::Tensor slack(const torch::Tensor& padded) {
  return torch::constant_pad_nd(padded, {0, rounded(K) - K}).contiguous();
}

}  // namespace

// context [N,H,W,C], taps [C+1,K*K] (the last row is the bias), bandwidth [N,H,W], embedding [N,E,H+K-1,W+K-1], image [N,C,H+K-1,W+K-1]
// -> filtered [N,C,H,W], weights [N,H,W,K*K]
template <int64_t K>
std::vector<torch::Tensor> forward_size(torch::Tensor context, torch::Tensor taps, torch::Tensor bandwidth,
                                        torch::Tensor embedding, torch::Tensor image) {
  constexpr int64_t kTaps = K * K, kRow = rounded(K);
  embedding = slack<K>(embedding);
  image = slack<K>(image);
  taps = padded_rows<K>(taps);
  const Shape s = shape_of(context, embedding, image);
  auto weights = torch::empty({s.n, s.h, s.w, kTaps}, context.options());
  auto filtered = torch::empty({s.n, s.channels, s.h, s.w}, context.options());
  const float* ctx = context.data_ptr<float>();
  const float* tap = taps.data_ptr<float>();
  const float* band = bandwidth.data_ptr<float>();
  const float* emb = embedding.data_ptr<float>();
  const float* img = image.data_ptr<float>();
  float* wts = weights.data_ptr<float>();
  float* out = filtered.data_ptr<float>();
  const int64_t plane = s.hp * s.wp, radius = K / 2;
  at::parallel_for(0, s.n * s.h, 1, [&](int64_t begin, int64_t end) {
    alignas(32) float row_weights[K * kRow];
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / s.h, y = row % s.h;
      for (int64_t x = 0; x < s.w; ++x) {
        const int64_t p = row * s.w + x;
        const float* mix = ctx + p * s.context;
        const float scale = band[p];
        std::copy(tap + s.context * K * kRow, tap + (s.context + 1) * K * kRow, row_weights);
        for (int64_t c = 0; c < s.context; ++c) {
          const float amount = mix[c];
          if (amount == 0.f) continue;  // a rectified channel: half of them
          const float* source = tap + c * K * kRow;
          for (int64_t t = 0; t < K * kRow; ++t) row_weights[t] += amount * source[t];
        }
        float peak = -3e38f;
        for (int64_t dy = 0; dy < K; ++dy) {
          alignas(32) float distance[kRow] = {};
          const float* q = emb + n * s.embed * plane + (y + dy) * s.wp + x;
          const float* center = emb + n * s.embed * plane + (y + radius) * s.wp + x + radius;
          for (int64_t e = 0; e < s.embed; ++e, q += plane, center += plane)
            for (int64_t dx = 0; dx < kRow; ++dx) distance[dx] += (q[dx] - *center) * (q[dx] - *center);
          float* w = row_weights + dy * kRow;
          for (int64_t dx = 0; dx < K; ++dx) w[dx] -= scale * distance[dx];
          for (int64_t dx = K; dx < kRow; ++dx) w[dx] = -3e38f;
          for (int64_t dx = 0; dx < kRow; ++dx) peak = std::max(peak, w[dx]);
        }
        float sum = 0;
        for (int64_t t = 0; t < K * kRow; ++t) {
          row_weights[t] = std::exp(std::max(row_weights[t] - peak, -87.f));
          sum += row_weights[t];
        }
        // The slack taps hold exp(-87) each, 1e-38: nothing beside a sum of at least 1.
        const float inverse = 1.f / sum;
        for (int64_t t = 0; t < K * kRow; ++t) row_weights[t] *= inverse;
        for (int64_t c = 0; c < s.channels; ++c) {
          alignas(32) float acc[kRow] = {};
          const float* q = img + (n * s.channels + c) * plane + y * s.wp + x;
          for (int64_t dy = 0; dy < K; ++dy, q += s.wp)
            for (int64_t dx = 0; dx < kRow; ++dx) acc[dx] += row_weights[dy * kRow + dx] * q[dx];
          float total = 0;
          for (int64_t dx = 0; dx < kRow; ++dx) total += acc[dx];
          out[((n * s.channels + c) * s.h + y) * s.w + x] = total;
        }
        for (int64_t dy = 0; dy < K; ++dy)
          std::copy(row_weights + dy * kRow, row_weights + dy * kRow + K, wts + p * kTaps + dy * K);
      }
    }
  });
  return {filtered, weights};
}

// -> gradients of context, taps, bandwidth, embedding (the picture itself is data)
template <int64_t K>
std::vector<torch::Tensor> backward_size(torch::Tensor grad, torch::Tensor weights, torch::Tensor context,
                                         torch::Tensor taps, torch::Tensor bandwidth, torch::Tensor embedding,
                                         torch::Tensor image) {
  constexpr int64_t kTaps = K * K, kRow = rounded(K);
  const int64_t padded_width = embedding.size(3);
  embedding = slack<K>(embedding);
  image = slack<K>(image);
  taps = padded_rows<K>(taps);
  const Shape s = shape_of(context, embedding, image);
  auto d_context = torch::empty_like(context);
  auto d_taps = torch::zeros({s.n, s.context + 1, K, kRow}, context.options());
  auto d_bandwidth = torch::empty_like(bandwidth);
  auto d_embedding = torch::zeros_like(embedding);
  const float* g = grad.data_ptr<float>();
  const float* wts = weights.data_ptr<float>();
  const float* band = bandwidth.data_ptr<float>();
  const float* emb = embedding.data_ptr<float>();
  const float* img = image.data_ptr<float>();
  const float* ctx = context.data_ptr<float>();
  const float* tap = taps.data_ptr<float>();
  float* dctx = d_context.data_ptr<float>();
  float* dtap = d_taps.data_ptr<float>();
  float* dband = d_bandwidth.data_ptr<float>();
  float* demb = d_embedding.data_ptr<float>();
  const int64_t plane = s.hp * s.wp, radius = K / 2;
  // Pixels scatter into their neighbours' embeddings: one thread per picture keeps that free of races.
  at::parallel_for(0, s.n, 1, [&](int64_t begin, int64_t end) {
    alignas(32) float dz[K * kRow];
    alignas(32) float w[K * kRow] = {};
    for (int64_t n = begin; n < end; ++n)
      for (int64_t y = 0; y < s.h; ++y)
        for (int64_t x = 0; x < s.w; ++x) {
          const int64_t p = (n * s.h + y) * s.w + x;
          for (int64_t dy = 0; dy < K; ++dy)
            std::copy(wts + p * kTaps + dy * K, wts + p * kTaps + (dy + 1) * K, w + dy * kRow);
          std::fill(dz, dz + K * kRow, 0.f);
          for (int64_t c = 0; c < s.channels; ++c) {
            const float gc = g[((n * s.channels + c) * s.h + y) * s.w + x];
            const float* q = img + (n * s.channels + c) * plane + y * s.wp + x;
            for (int64_t dy = 0; dy < K; ++dy, q += s.wp)
              for (int64_t dx = 0; dx < kRow; ++dx) dz[dy * kRow + dx] += gc * q[dx];
          }
          float mean = 0;
          for (int64_t t = 0; t < K * kRow; ++t) mean += w[t] * dz[t];
          for (int64_t t = 0; t < K * kRow; ++t) dz[t] = w[t] * (dz[t] - mean);  // 0 in the slack, where w is
          for (int64_t c = 0; c <= s.context; ++c) {
            const float amount = c < s.context ? ctx[p * s.context + c] : 1.f;
            const float* source = tap + c * K * kRow;
            float* target = dtap + (n * (s.context + 1) + c) * K * kRow;
            float slope = 0;
            for (int64_t t = 0; t < K * kRow; ++t) {
              slope += dz[t] * source[t];
              target[t] += amount * dz[t];
            }
            if (c < s.context) dctx[p * s.context + c] = slope;
          }
          const float scale = -2.f * band[p];
          alignas(32) float squares[kRow] = {};
          for (int64_t e = 0; e < s.embed; ++e) {
            const int64_t base = (n * s.embed + e) * plane + y * s.wp + x;
            const int64_t at = base + radius * s.wp + radius;
            const float center = emb[at];
            alignas(32) float to_center[kRow] = {};
            for (int64_t dy = 0; dy < K; ++dy) {
              const float* dr = dz + dy * kRow;
              const float* q = emb + base + dy * s.wp;
              float* dq = demb + base + dy * s.wp;
              for (int64_t dx = 0; dx < kRow; ++dx) {
                const float difference = q[dx] - center;
                const float pull = dr[dx] * difference;
                to_center[dx] += pull;
                squares[dx] += pull * difference;
                dq[dx] += scale * pull;
              }
            }
            float sum = 0;
            for (int64_t dx = 0; dx < kRow; ++dx) sum += to_center[dx];
            demb[at] -= scale * sum;
          }
          float sum = 0;
          for (int64_t dx = 0; dx < kRow; ++dx) sum += squares[dx];
          dband[p] = -sum;
        }
  });
  auto d_rows = d_taps.sum(0).narrow(2, 0, K).reshape({s.context + 1, kTaps});
  return {d_context, d_rows, d_bandwidth, d_embedding.narrow(3, 0, padded_width).contiguous()};
}

template <typename Function>
auto with_size(const torch::Tensor& taps, Function&& run) {
  switch (taps.size(1)) {
    case 5 * 5: return run(std::integral_constant<int64_t, 5>());
    case 7 * 7: return run(std::integral_constant<int64_t, 7>());
    case 9 * 9: return run(std::integral_constant<int64_t, 9>());
    case 11 * 11: return run(std::integral_constant<int64_t, 11>());
    case 13 * 13: return run(std::integral_constant<int64_t, 13>());
    case 21 * 21: return run(std::integral_constant<int64_t, 21>());
  }
  TORCH_CHECK(false, "Expected 25, 49, 169 or 441 taps but received ", taps.size(1));
}

std::vector<torch::Tensor> forward(torch::Tensor context, torch::Tensor taps, torch::Tensor bandwidth,
                                   torch::Tensor embedding, torch::Tensor image) {
  return with_size(taps, [&](auto k) { return forward_size<k()>(context, taps, bandwidth, embedding, image); });
}

std::vector<torch::Tensor> backward(torch::Tensor grad, torch::Tensor weights,
                                    torch::Tensor context, torch::Tensor taps, torch::Tensor bandwidth,
                                    torch::Tensor embedding, torch::Tensor image) {
  return with_size(taps, [&](auto k) {
    return backward_size<k()>(grad, weights, context, taps, bandwidth, embedding, image);
  });
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("forward", &forward);
  m.def("backward", &backward);
}
