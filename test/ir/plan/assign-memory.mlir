// RUN: asgc-opt %s --plan-assign-memory --plan-verify --split-input-file | FileCheck %s
// RUN: asgc-opt %s '--plan-assign-memory=block-bytes=4096' --plan-verify --split-input-file | FileCheck %s --check-prefix=BLOCK
// RUN: asgc-opt %s '--plan-assign-memory=run-at-once' --plan-verify --split-input-file | FileCheck %s --check-prefix=ONCE

// Each map takes over the place of what it reads; the product does not, as it
// reads its operands more than once.
// CHECK-LABEL: plan.program @maps
// CHECK:         arena 8192 lower_bound 8192 waste 0
// CHECK-NEXT:    plan.alloc offset [[A:[0-9]+]] bytes 4096 alive 0 to 1
// CHECK-NEXT:    plan.alloc offset [[A]] bytes 4096 alive 1 to 2
// CHECK-NEXT:    plan.alloc offset [[B:[0-9]+]] bytes 4096 alive 2 to 3
plan.program @maps inputs("x" %x: tensor<32x32xf32>) outputs("y" %y: tensor<32x32xf32>) {
  %a = plan.alloc : tensor<32x32xf32>
  %b = plan.alloc : tensor<32x32xf32>
  %c = plan.alloc : tensor<32x32xf32>
  plan.kernel "tanh" map space [1024] (%e = %x at [1] : tensor<32x32xf32>) -> (%a at [1] : tensor<32x32xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.kernel "exp" map space [1024] (%e = %a at [1] : tensor<32x32xf32>) -> (%b at [1] : tensor<32x32xf32>) {
    %r = math.exp %e : f32
    plan.yield %r : f32
  }
  plan.matmul "dot" batch [] m_n_k [32, 32, 32] strides [32, 1], [32, 1], [32, 1] offsets [0, 0, 0] act none (%b, %b) -> %c : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  plan.kernel "log" map space [1024] (%e = %c at [1] : tensor<32x32xf32>) -> (%y at [1] : tensor<32x32xf32>) {
    %r = math.log %e : f32
    plan.yield %r : f32
  }
}

// -----

// A product takes over the place of its residual, a kernel that transposes none.
// CHECK-LABEL: plan.program @residual
// CHECK:         arena 8192 lower_bound 8192 waste 0
// CHECK-NEXT:    plan.alloc offset [[A:[0-9]+]] bytes 4096 alive 0 to 1
// CHECK-NEXT:    plan.alloc offset [[A]] bytes 4096 alive 1 to 2
// CHECK-NEXT:    plan.alloc offset [[B:[0-9]+]] bytes 4096 alive 2 to 3
plan.program @residual inputs("x" %x: tensor<32x32xf32>, "v" %v: tensor<32xf32>) outputs("y" %y: tensor<32x32xf32>) {
  %a = plan.alloc : tensor<32x32xf32>
  %b = plan.alloc : tensor<32x32xf32>
  %c = plan.alloc : tensor<32x32xf32>
  plan.kernel "tanh" map space [1024] (%e = %x at [1] : tensor<32x32xf32>) -> (%a at [1] : tensor<32x32xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.matmul "dot" batch [] m_n_k [32, 32, 32] strides [32, 1], [32, 1], [32, 1] offsets [0, 0, 0] act none (%x, %x bias %v residual %a) -> %b : tensor<32x32xf32>, tensor<32x32xf32> bias tensor<32xf32> residual tensor<32x32xf32> -> tensor<32x32xf32>
  plan.kernel "turn" map space [32, 32] (%e = %b at [32, 1] : tensor<32x32xf32>) -> (%c at [1, 32] : tensor<32x32xf32>) {
    plan.yield %e : f32
  }
  plan.kernel "log" map space [1024] (%e = %c at [1] : tensor<32x32xf32>) -> (%y at [1] : tensor<32x32xf32>) {
    %r = math.log %e : f32
    plan.yield %r : f32
  }
}

// -----

// The segments of an update each take over their own operand, whichever is free.
// CHECK-LABEL: plan.program @update
// CHECK:         arena 5120 lower_bound 5120 waste 0
// CHECK-NEXT:    plan.alloc offset [[A:[0-9]+]] bytes 4096 alive 0 to 2
// CHECK-NEXT:    plan.alloc offset [[B:[0-9]+]] bytes 1024 alive 1 to 2
// CHECK-NEXT:    plan.alloc offset [[A]] bytes 4096 alive 2 to 3
// CHECK-NEXT:    plan.alloc offset [[B]] bytes 1024 alive 2 to 4
plan.program @update inputs("x" %x: tensor<1024xf32>, "z" %z: tensor<256xf32>) outputs("y" %y: tensor<1024xf32>, "w" %w: tensor<256xf32>) {
  %a = plan.alloc : tensor<1024xf32>
  %b = plan.alloc : tensor<256xf32>
  %c = plan.alloc : tensor<1024xf32>
  %d = plan.alloc : tensor<256xf32>
  plan.kernel "tanh" map space [1024] (%e = %x at [1] : tensor<1024xf32>) -> (%a at [1] : tensor<1024xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.kernel "tanh.1" map space [256] (%e = %z at [1] : tensor<256xf32>) -> (%b at [1] : tensor<256xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.update "exp" [1024, 256] reads(%e = [%a : tensor<1024xf32>, %b : tensor<256xf32>]) -> ([%c : tensor<1024xf32>, %d : tensor<256xf32>]) {
    %r = math.exp %e : f32
    plan.yield %r : f32
  }
  plan.copy "y" extents [1024] strides [1], [1] offsets [0, 0] (%c) -> %y : tensor<1024xf32> -> tensor<1024xf32>
  plan.copy "w" extents [256] strides [1], [1] offsets [0, 0] (%d) -> %w : tensor<256xf32> -> tensor<256xf32>
}

// -----

// In blocks of 4096 bytes no buffer lies in two.
// CHECK-LABEL: plan.program @whole
// CHECK:         arena 7680 lower_bound 7680 waste 0 {
// BLOCK-LABEL: plan.program @whole
// BLOCK:         arena 10752 lower_bound 7680 waste 3072 block 4096
// BLOCK-NEXT:    plan.alloc offset 0 bytes 2560
// BLOCK-NEXT:    plan.alloc offset 4096 bytes 2560
// BLOCK-NEXT:    plan.alloc offset 8192 bytes 2560
plan.program @whole inputs("x" %x: tensor<640xf32>) outputs("y" %y: tensor<640xf32>) {
  %a = plan.alloc : tensor<640xf32>
  %b = plan.alloc : tensor<640xf32>
  %c = plan.alloc : tensor<640xf32>
  plan.copy "a" extents [640] strides [1], [1] offsets [0, 0] (%x) -> %a : tensor<640xf32> -> tensor<640xf32>
  plan.copy "b" extents [640] strides [1], [1] offsets [0, 0] (%x) -> %b : tensor<640xf32> -> tensor<640xf32>
  plan.copy "c" extents [640] strides [1], [1] offsets [0, 0] (%x) -> %c : tensor<640xf32> -> tensor<640xf32>
  plan.kernel "sum" map space [640] (%p = %a at [1] : tensor<640xf32>, %q = %b at [1] : tensor<640xf32>, %r = %c at [1] : tensor<640xf32>) -> (%y at [1] : tensor<640xf32>) {
    %s = arith.addf %p, %q : f32
    %t = arith.addf %s, %r : f32
    plan.yield %t : f32
  }
}

// -----

// The sum and the map need nothing of each other. Where they may run at once, the
// map writes over what it reads only if the sum does not read that too, and the
// place of what dies in one of them is not given to the other.
// CHECK-LABEL: plan.program @beside
// CHECK:         arena 8256 lower_bound 8256
// CHECK-NEXT:    plan.alloc offset [[A:[0-9]+]] bytes 4096 alive 0 to 3
// CHECK-NEXT:    plan.alloc offset [[B:[0-9]+]] bytes 4096 alive 1 to 2
// CHECK-NEXT:    plan.alloc offset {{[0-9]+}} bytes 64 alive 2 to 4
// CHECK-NEXT:    plan.alloc offset [[A]] bytes 4096 alive 3 to 4
// ONCE-LABEL: plan.program @beside
// ONCE:         arena 12352 lower_bound 12352
// ONCE-NEXT:    plan.alloc offset [[A:[0-9]+]] bytes 4096 alive 0 to 3
// ONCE-NEXT:    plan.alloc offset [[B:[0-9]+]] bytes 4096 alive 1 to 2
// ONCE-NEXT:    plan.alloc offset [[S:[0-9]+]] bytes 64 alive 2 to 4
plan.program @beside inputs("x" %x: tensor<32x32xf32>) outputs("y" %y: tensor<32x32xf32>) {
  %a = plan.alloc : tensor<32x32xf32>
  %b = plan.alloc : tensor<32x32xf32>
  %s = plan.alloc : tensor<f32>
  %c = plan.alloc : tensor<32x32xf32>
  plan.kernel "tanh" map space [1024] (%e = %x at [1] : tensor<32x32xf32>) -> (%a at [1] : tensor<32x32xf32>) {
    %r = math.tanh %e : f32
    plan.yield %r : f32
  }
  plan.matmul "dot" batch [] m_n_k [32, 32, 32] strides [32, 1], [32, 1], [32, 1] offsets [0, 0, 0] act none (%a, %a) -> %b : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  plan.kernel "sum" reduce space [1024] (%e = %a at [1] : tensor<32x32xf32>, %f = %b at [1] : tensor<32x32xf32>) -> (%s at [0] : tensor<f32>) {
    %p = arith.mulf %e, %f : f32
    %r = plan.reduce add %p over [0] : f32
    plan.yield %r : f32
  }
  plan.kernel "exp" map space [1024] (%e = %a at [1] : tensor<32x32xf32>) -> (%c at [1] : tensor<32x32xf32>) {
    %r = math.exp %e : f32
    plan.yield %r : f32
  }
  plan.kernel "scale" map space [1024] (%e = %c at [1] : tensor<32x32xf32>, %f = %s at [0] : tensor<f32>) -> (%y at [1] : tensor<32x32xf32>) {
    %r = arith.mulf %e, %f : f32
    plan.yield %r : f32
  }
}
