TITLE Hyperpolarisation-activated channel (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX hpkj
    NONSPECIFIC_CURRENT i
    RANGE gbar
    THREADSAFE
}

UNITS { (mV) = (millivolt)  (mA) = (milliamp)  (S) = (siemens) }

PARAMETER { gbar = 1e-4 (S/cm2)  eh = -30 (mV) }
ASSIGNED { v (mV)  i (mA/cm2)  ninf  ntau (ms) }
STATE { n }

INITIAL {
    rates(v)
    n = ninf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    i = gbar * n * (v - eh)
}

DERIVATIVE states {
    rates(v)
    n' = (ninf - n)/ntau
}

PROCEDURE rates(v (mV)) {
    ninf = 1/(1 + exp((v + 90.1)/9.9))
    ntau = 190 + 720*exp(-((v + 81.5)/11.9)^2)
}
