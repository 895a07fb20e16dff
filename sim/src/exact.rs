//! Arithmetic that gives the same bits on every machine: only what IEEE 754 rounds exactly.
//!
//! `sin`, `exp`, `tanh`, `ln` and `powf` of a system's library differ in their last digits from machine to machine, and
//! `powi` may too. Here are sums, products, quotients, square roots (all exactly specified) and polynomials made of them.

/// The sine of a number of full turns, to 1e-7: what breath and waves go by.
#[must_use]
pub fn sine(turns: f64) -> f64 {
    let turns = turns - turns.floor();
    // Folded into a quarter on both sides of 0, where the series is short.
    let folded = match turns {
        it if it < 0.25 => it,
        it if it < 0.75 => 0.5 - it,
        it => it - 1.0,
    };
    let x = folded * core::f64::consts::TAU;
    let square = x * x;
    let inner = 1.0 - square / 110.0;
    let inner = 1.0 - square / 72.0 * inner;
    let inner = 1.0 - square / 42.0 * inner;
    let inner = 1.0 - square / 20.0 * inner;
    x * (1.0 - square / 6.0 * inner)
}

/// `x`, but never beyond ±`most`: linear near 0, like a hyperbolic tangent further out.
#[must_use]
pub fn saturating(x: f64, most: f64) -> f64 {
    let share = x / most;
    x / (1.0 + share * share).sqrt()
}

/// `x` to the power of three halves, of a number from 0 on.
#[must_use]
pub fn to_three_halves(x: f64) -> f64 {
    x * x.max(0.0).sqrt()
}

/// From `from` towards `to`, as a lag of `seconds` does it in `dt`; never beyond.
#[must_use]
pub fn towards(from: f64, to: f64, seconds: f64, dt: f64) -> f64 {
    from + (to - from) * (dt / (seconds + dt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_one() {
        for step in -400_i32..=800 {
            let turns = f64::from(step) / 400.0;
            let known = (turns * core::f64::consts::TAU).sin();
            assert!((sine(turns) - known).abs() < 1e-6, "{turns}: {} is not {known}", sine(turns));
        }
    }

    #[test]
    fn what_saturates_is_linear_at_first_and_bounded_at_last() {
        assert!((saturating(1.0, 40.0) - 1.0).abs() < 0.001);
        assert!((39.0..40.0).contains(&saturating(400.0, 40.0)));
        assert!((saturating(-400.0, 40.0) + saturating(400.0, 40.0)).abs() < 1e-12);
        assert!((to_three_halves(4.0) - 8.0).abs() < 1e-12);
        assert!((towards(0.0, 10.0, 9.0, 1.0) - 1.0).abs() < 1e-12);
    }
}
