// RUN: asgc-opt %s --plan-verify --split-input-file --verify-diagnostics

plan.program @ends inputs("x" %x: tensor<64xf32>) outputs("y" %y: tensor<64xf32>) arena 128 lower_bound 128 {
  // expected-error @below {{ends at byte 256 of an arena of 128}}
  %a = plan.alloc offset 0 bytes 256 : tensor<64xf32>
  plan.copy "a" extents [64] strides [1], [1] offsets [0, 0] (%x) -> %a : tensor<64xf32> -> tensor<64xf32>
  plan.copy "y" extents [64] strides [1], [1] offsets [0, 0] (%a) -> %y : tensor<64xf32> -> tensor<64xf32>
}

// -----

plan.program @crosses inputs("x" %x: tensor<64xf32>) outputs("y" %y: tensor<64xf32>) arena 640 lower_bound 256 block 512 {
  // expected-error @below {{at bytes [384, 640) lies in two blocks of 512}}
  %a = plan.alloc offset 384 bytes 256 : tensor<64xf32>
  plan.copy "a" extents [64] strides [1], [1] offsets [0, 0] (%x) -> %a : tensor<64xf32> -> tensor<64xf32>
  plan.copy "y" extents [64] strides [1], [1] offsets [0, 0] (%a) -> %y : tensor<64xf32> -> tensor<64xf32>
}

// -----

plan.program @rows inputs("q" %q: tensor<5x4xf32>) outputs("y" %y: tensor<5x4xf32>) {
  // expected-error @below {{'a' reaches element 23 of a buffer of 20}}
  plan.attention "a" scale 1.0 batch [] sizes [5, 6, 4, 4] (%q at [4, 1] : tensor<5x4xf32>, %q at [4, 1] : tensor<5x4xf32>, %q at [4, 1] : tensor<5x4xf32>) -> (%y at [4, 1] : tensor<5x4xf32>)
}
