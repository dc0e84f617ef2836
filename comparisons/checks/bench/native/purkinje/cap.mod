TITLE P-type calcium channel, Goldman-Hodgkin-Katz (Khaliq, Gouwens & Raman 2003)

NEURON {
    SUFFIX cap
    USEION ca READ cai, cao WRITE ica
    RANGE pbar
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)  (mA) = (milliamp)  (mM) = (milli/liter)
    FARADAY = (faraday) (coulomb)
    R = (k-mole) (joule/degC)
}

PARAMETER { pbar = 5e-5 (cm/s)  kelvin = 295.19 (degC) }
ASSIGNED { v (mV)  ica (mA/cm2)  cai (mM)  cao (mM)  minf  mtau (ms) }
STATE { m }

INITIAL {
    rates(v)
    m = minf
}

BREAKPOINT {
    SOLVE states METHOD cnexp
    ica = 1e-3 * pbar * m * ghk(v, cai, cao)
}

DERIVATIVE states {
    rates(v)
    m' = (minf - m)/mtau
}

FUNCTION ghk(v (mV), ci (mM), co (mM)) { LOCAL u
    u = 2*FARADAY*(1e-3)*v/(R*kelvin)
    if (fabs(u) < 1e-6) {
        ghk = 2*FARADAY*(ci - co*(1 - u))*(1 + u/2)
    } else {
        ghk = 2*FARADAY*u*(ci - co*exp(-u))/(1 - exp(-u))
    }
}

PROCEDURE rates(v (mV)) {
    minf = 1/(1 + exp(-(v + 19)/5.5))
    if (v > -50) {
        mtau = 1000*(0.000191 + 0.00376*exp(-((v + 41.9)/27.8)^2))
    } else {
        mtau = 1000*(0.00026367 + 0.1278*exp(0.10327*v))
    }
}
