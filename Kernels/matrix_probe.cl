// One tile on the matrix units: before a device may use them, it must have compiled this and given the right sums.

#define WORK_ITEMS 32
#include "matrix_units.clh"

#define PROBE_DEPTH (8 * OPERAND_VALUES)

// c = a * b.
//   a [16][PROBE_DEPTH]   b [PROBE_DEPTH][8]   c [16][8]
//   range: 32 in one work-group
kernel __attribute__((reqd_work_group_size(WORK_ITEMS, 1, 1))) void matrix_probe(
    global const float* restrict a, global const float* restrict b, global float* restrict c) {
  MMA_EXCHANGE(exchange);
  const int lane = get_local_id(0), g = lane / 4, t = lane % 4;
  uint a_operand[4], b_operand[2];
  for (int i = 0; i < 4; i++) {
    const int row = g + i % 2 * 8, column = (t + i / 2 * 4) * OPERAND_VALUES;
    global const float* from = a + row * PROBE_DEPTH + column;
    a_operand[i] = PRECISION == BF16 ? to_bf16_pair(from[0], from[OPERAND_VALUES - 1]) : staged(from[0]);
  }
  for (int i = 0; i < 2; i++) {
    global const float* from = b + (t + i * 4) * OPERAND_VALUES * 8 + g;
    b_operand[i] = PRECISION == BF16 ? to_bf16_pair(from[0], from[(OPERAND_VALUES - 1) * 8]) : staged(from[0]);
  }
  const float4 sum = multiply((float4)(0.0f), make_a(a_operand[0], a_operand[1], a_operand[2], a_operand[3]),
                              make_b(b_operand[0], b_operand[1]), exchange);
  c[g * 8 + 2 * t] = sum.x;
  c[g * 8 + 2 * t + 1] = sum.y;
  c[(g + 8) * 8 + 2 * t] = sum.z;
  c[(g + 8) * 8 + 2 * t + 1] = sum.w;
}
